"""All streams of two accounts, read side by side and one after the other."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tap_stripe_flow.streams import STREAMS
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.furnishing import FURNISHED_A_LITTLE, add_children, with_all_selected

Records = dict[tuple[str, str], list[Message]]


@dataclass(frozen=True, kw_only=True)
class World:
    """A sandbox with objects of every stream, and the catalog with all of them selected."""

    sandbox: Sandbox
    folder: Path
    catalog: Message

    def read(self, streams_at_once: int, capture: str) -> Ended:
        return run_tap(self.folder, self.config(streams_at_once, capture), catalog=self.catalog)

    def config(self, streams_at_once: int, capture: str) -> dict[str, object]:
        accounts = {"account_ids": [PLATFORM, CONNECTED], "streams_at_once": streams_at_once}
        return a_config(self.sandbox.url, customers_mode="list", capture=capture, **accounts)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("at_once")
    with Sandbox(*FURNISHED_A_LITTLE) as sandbox:
        add_children(sandbox)
        sandbox.advance(3600)
        empty = World(sandbox=sandbox, folder=folder, catalog={})
        found = json.loads(run_tap(folder, empty.config(8, "new"), "--discover").output)
        yield World(sandbox=sandbox, folder=folder, catalog=with_all_selected(found))


def records(done: Ended) -> Records:
    """The records of each stream and account, in their order. Raises AssertionError for one before its SCHEMA."""
    read: Records = defaultdict(list)
    known: set[str] = set()
    for message in done.messages:
        if message["type"] == "SCHEMA":
            known.add(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in known
            read[message["stream"], message["record"]["_stripe_account"]].append(message["record"])
    return read


@pytest.mark.volume(cases=1)
@pytest.mark.promise(
    "tap 8",
    "Each stream and account has the same records in the same order, however many are read side by side",
)
@pytest.mark.parametrize("capture", ["new", "changes"])
@pytest.mark.parametrize("streams_at_once", [8, 64])
def test_what_is_read_side_by_side_is_what_is_read_one_after_the_other(
    streams_at_once: int, capture: str, world: World
) -> None:
    one_by_one, side_by_side = world.read(1, capture), world.read(streams_at_once, capture)

    assert (one_by_one.code, side_by_side.code) == (0, 0)
    assert records(side_by_side) == records(one_by_one)
    assert {account for _, account in records(side_by_side)} == {PLATFORM, CONNECTED}
    assert {stream for stream, _ in records(side_by_side)} >= {spec.name for spec in STREAMS} - {"events"}
