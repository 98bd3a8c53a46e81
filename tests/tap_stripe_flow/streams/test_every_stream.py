"""Every stream over a sandbox with objects of each, compared with what the official client reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tap_stripe_flow.capture.children import PARENTS_PER_BATCH
from tap_stripe_flow.listing.record import PARENT_MEMBER
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.official import as_json, everything, official
from tests.support.official_lists import official_lists
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import PLATFORM, Sandbox
from tests.tap_stripe_flow.furnishing import CHILDREN, FURNISHED, add_children, with_all_selected

EVERY_STREAM = pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
WHOLE = [spec for spec in STREAMS if spec.child_of is None and spec.stamp is None]


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(*FURNISHED) as sandbox:
        add_children(sandbox)
        yield sandbox


def config(sandbox: Sandbox, **more: object) -> dict[str, object]:
    return a_config(sandbox.url, customers_mode="list", **more)


def run(folder: Path, settings: dict[str, object], *options: str, state: Message | None = None) -> Ended:
    """A run with every stream selected."""
    catalog = with_all_selected(json.loads(run_tap(folder, settings, "--discover").output))
    return run_tap(folder, settings, *options, catalog=catalog, state=state)


@dataclass
class Runs:
    """A first run, and a second one without new objects."""

    sandbox: Sandbox
    first: Ended
    second: Ended


@pytest.fixture(scope="module")
def runs(world: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("all")
    first = run(folder, config(world))
    return Runs(world, first, run(folder, config(world), state=first.states[-1]))


def theirs(sandbox: Sandbox, spec: StreamSpec) -> list[Message]:
    """The objects that the official client reads; for child streams, those of every parent."""
    listed = official_lists()[spec.path]
    service = listed.of(official(sandbox).v1)
    if spec.child_of is None:
        return [completed(sandbox, spec, each) for each in everything(service, **spec.filters)]
    parents = [each["id"] for each in everything(official_lists()[spec.child_of.parent.path].of(official(sandbox).v1))]
    return [each | {PARENT_MEMBER: parent} for parent in parents for each in of_parent(sandbox, spec, parent)]


def completed(sandbox: Sandbox, spec: StreamSpec, whole: Message) -> Message:
    """The object with complete nested lists, of which Stripe shows ten entries."""
    for children in STREAMS:
        child_of = children.child_of
        if child_of and child_of.parent is spec and child_of.list_member in whole:
            nested = {"data": of_parent(sandbox, children, whole["id"]), "has_more": False}
            whole[child_of.list_member] |= nested
    return whole


def of_parent(sandbox: Sandbox, spec: StreamSpec, parent: str) -> list[Message]:
    listed = official_lists()[spec.path]
    asked: dict[str, Any] = {"limit": 100}  # Any: see official
    if spec.child_of and spec.child_of.parent_filter:
        asked[spec.child_of.parent_filter] = parent
    found = listed.of(official(sandbox).v1).list(*[parent] * listed.owners, asked).auto_paging_iter()
    return [as_json(each) for each in found]


def by_id(records: list[Message]) -> dict[str, Message]:
    return {each["id"]: each for each in records}


@pytest.mark.promise(
    "tap 9",
    "Each of the 55 streams emits what the official client lists, field for field, with more than ten child objects",
)
@EVERY_STREAM
def test_the_records_are_what_the_official_client_reads(spec: StreamSpec, runs: Runs) -> None:
    ours, expected = runs.first.records(spec.name), theirs(runs.sandbox, spec)

    assert runs.first.code == 0
    assert by_id(ours) == by_id(expected)
    assert len(ours) == len(expected) >= (1 if spec.child_of is None else CHILDREN + 1)


@EVERY_STREAM
def test_the_log_counts_the_emitted_records(spec: StreamSpec, runs: Runs) -> None:
    (read_line,) = [line for line in runs.first.log.splitlines() if f"| read stream={spec.name} " in line]

    assert f" records={len(runs.first.records(spec.name))} " in read_line


@EVERY_STREAM
def test_every_record_fits_its_schema(spec: StreamSpec, runs: Runs) -> None:
    validator = Draft202012Validator(spec.schema())

    assert [error.json_path for each in runs.first.records(spec.name) for error in validator.iter_errors(each)] == []


@EVERY_STREAM
def test_a_second_run_repeats_only_lists_without_a_bookmark(spec: StreamSpec, runs: Runs) -> None:
    again = runs.second.records(spec.name)

    assert runs.second.code == 0
    assert by_id(again) == (by_id(runs.first.records(spec.name)) if spec in WHOLE else {})
    assert ("reread_from" in runs.second.states[-1]["bookmarks"].get(spec.name, {})) == (spec not in WHOLE)


@pytest.fixture
def restricted(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox whose key only has the permission to read charges."""
    key = {"account": PLATFORM, "rights": {"charge": "read"}}
    keys = {"accounts": {PLATFORM: {}}, "keys": {"rk_test_sandbox": key}}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    with Sandbox("--keys", str(tmp_path / "keys.json")) as sandbox:
        yield sandbox


@pytest.mark.promise("tap 8", "Each stream's missing permission is named")
def test_every_stream_names_the_permission_that_a_key_lacks(restricted: Sandbox, tmp_path: Path) -> None:
    done = run(tmp_path, config(restricted, api_key="rk_test_sandbox"), "--test")

    refused = {spec.name: error for spec in STREAMS for error in done.errors if f"stream {spec.name} " in error}
    allowed = {spec.name for spec in STREAMS if spec.permission == "rak_charge_read"}
    assert done.code == 2
    assert set(refused) == {spec.name for spec in STREAMS} - allowed
    for spec in STREAMS:
        if spec.name not in allowed:
            assert spec.listed.permission in refused[spec.name]
            assert spec.listed.path in refused[spec.name]


def test_discovery_leaves_out_what_the_key_may_not_read(restricted: Sandbox, tmp_path: Path) -> None:
    settings = config(restricted, api_key="rk_test_sandbox", discover_permitted_only=True)

    done = run_tap(tmp_path, settings, "--discover")

    names = {stream["tap_stream_id"] for stream in json.loads(done.output)["streams"]}
    assert names == {spec.name for spec in STREAMS if spec.permission == "rak_charge_read"}


def test_the_children_of_several_batches_of_parents_are_all_emitted(sandbox: Sandbox, tmp_path: Path) -> None:
    (spec,) = [spec for spec in STREAMS if spec.name == "invoice_line_items"]
    for invoice in sandbox.make("invoice", 2 * PARENTS_PER_BATCH):
        sandbox.make(spec.kind, of=invoice)
    sandbox.advance(3600)

    done = run(tmp_path, config(sandbox))

    assert len(done.records(spec.name)) == 2 * PARENTS_PER_BATCH
    assert f"| read stream={spec.name} records={2 * PARENTS_PER_BATCH} " in done.log
