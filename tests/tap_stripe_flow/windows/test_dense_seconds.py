"""Seconds with more objects than the buffer holds: a window cannot be narrower than a second."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tap_stripe_flow.windows.id_pool import MOST_IDS
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, crowd

OVERLAP_S = 600
BEFORE, AFTER = (-5000, -100, -1), (1, 2, 90)  # seconds around the dense one that hold something, too


def settings(url: str, **more: object) -> dict[str, object]:
    return a_config(url, customers_mode="list", overlap_s=OVERLAP_S, **more)


def around(sandbox: Sandbox, path: str, form: str, at: int, seconds: Sequence[int]) -> None:
    for offset in seconds:
        crowd(sandbox, path, form, 3, at=at + offset)


def runs(folder: Path, sandbox: Sandbox, clocks: Sequence[int]) -> list[Ended]:
    """A run at each of these times, each from the state of the run before."""
    done: list[Ended] = []
    for now in clocks:
        sandbox.set_clock(now)
        state = done[-1].states[-1] if done else None
        done.append(run_tap(folder, settings(sandbox.url), state=state))
        assert done[-1].code == 0
    return done


def emitted(done: Sequence[Ended], stream: str) -> Counter[str]:
    return Counter(record["id"] for each in done for record in each.records(stream))


def made(sandbox: Sandbox, kind: str) -> Counter[str]:
    return Counter(each["id"] for each in sandbox.objects(kind))


def bookmark(done: Ended, stream: str) -> Message:
    return dict(done.states[-1]["bookmarks"][stream])


@pytest.mark.volume
@pytest.mark.promise("tap 1", "20,000 charges of one second are emitted once each")
@pytest.mark.parametrize("newest", [False, True], ids=["among-others", "newest"])
def test_a_settled_second_of_twenty_thousand_objects_is_emitted_once(
    sandbox: Sandbox, tmp_path: Path, *, newest: bool
) -> None:
    at, count = sandbox.clock() - 100_000, 3_000 if newest else 20_000
    around(sandbox, "/v1/charges", A_CHARGE, at, BEFORE if newest else (*BEFORE, *AFTER))
    crowd(sandbox, "/v1/charges", A_CHARGE, count, at=at)

    done = runs(tmp_path, sandbox, [at + 2 * OVERLAP_S, at + 2 * OVERLAP_S + 60])

    stamps = [record["created"] for record in done[0].records("charges")]
    assert emitted(done[:1], "charges") == made(sandbox, "charge")
    assert stamps == sorted(stamps)
    assert done[1].records("charges") == []
    assert not bookmark(done[0], "charges").get("emitted_ids")
    assert max(len(json.dumps(state)) for each in done for state in each.states) < 2_000


def test_all_ids_of_a_second_that_is_not_settled_are_remembered(sandbox: Sandbox, tmp_path: Path) -> None:
    at = sandbox.clock()
    around(sandbox, "/v1/customers", "", at, BEFORE)
    crowd(sandbox, "/v1/customers", "", 3_000, at=at)

    first = runs(tmp_path, sandbox, [at])
    around(sandbox, "/v1/customers", "", at, (0, *AFTER))
    sandbox.set_clock(at + 100)
    second = run_tap(tmp_path, settings(sandbox.url), state=first[0].states[-1])
    sandbox.set_clock(at + 2 * OVERLAP_S)
    third = run_tap(tmp_path, settings(sandbox.url), state=second.states[-1])

    assert len(first[0].records("customers")) == 3_000 + 3 * len(BEFORE)
    assert len(bookmark(first[0], "customers")["emitted_ids"]) == 3_000 + 6  # and those of 1 and 100 s before
    assert emitted([*first, second, third], "customers") == made(sandbox, "customer")
    assert third.records("customers") == []
    assert not bookmark(third, "customers").get("emitted_ids")


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize("behind", [(), AFTER], ids=["newest", "among-others"])
def test_a_second_with_too_many_ids_is_read_once_it_is_settled(
    sandbox: Sandbox, tmp_path: Path, behind: Sequence[int]
) -> None:
    at = sandbox.clock()
    around(sandbox, "/v1/customers", "", at, (*BEFORE, *behind))
    crowd(sandbox, "/v1/customers", "", MOST_IDS + 100, at=at)

    done = runs(tmp_path, sandbox, [at + 200, at + 400, at + OVERLAP_S + 200, at + OVERLAP_S + 300])

    assert {record["created"] for record in done[0].records("customers")} == {at + offset for offset in BEFORE}
    assert done[1].records("customers") == []
    assert emitted(done[:3], "customers") == made(sandbox, "customer")
    assert done[3].records("customers") == []
    assert max(len(json.dumps(state)) for each in done for state in each.states) < 3_000


def test_the_present_second_without_any_overlap_is_read_once(sandbox: Sandbox, tmp_path: Path) -> None:
    at = sandbox.clock()
    crowd(sandbox, "/v1/customers", "", 2_500, at=at)

    done: list[Ended] = []
    for now in (at, at + 1, at + 50):
        sandbox.set_clock(now)
        state = done[-1].states[-1] if done else None
        done.append(run_tap(tmp_path, settings(sandbox.url) | {"overlap_s": 0}, state=state))

    assert emitted(done, "customers") == made(sandbox, "customer")
    assert not done[-1].states[-1]["bookmarks"]["customers"].get("emitted_ids")


def test_two_adjacent_dense_seconds_are_emitted_once(sandbox: Sandbox, tmp_path: Path) -> None:
    at = sandbox.clock() - 50_000
    for offset in (0, 1, 3):
        crowd(sandbox, "/v1/customers", "", 1_700, at=at + offset)
    around(sandbox, "/v1/customers", "", at, (-40, 2, 30))

    done = runs(tmp_path, sandbox, [at + 2 * OVERLAP_S])

    assert emitted(done, "customers") == made(sandbox, "customer")
