"""Unknown outcomes are resolved by scans of Stripe's lists. Real runs; objects are counted in the sandbox.

Each test fails if one rule is removed: the safe age of a key, the completeness of a scan, the day before an absent
object counts as not created.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import TYPES, WAYS, rows_of
from tests.stripe_flow.api.builders import KEY
from tests.support.sandbox import Sandbox

HOUR_S = 3600
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


def an_ordeal(sandbox: Sandbox, folder: Path, way: str) -> Ordeal:
    """Runs over one row, which are killed when they first reach a point."""
    action, settings = WAYS[way]
    return Ordeal(sandbox, folder, rows_of([action], 1), most_passages=1, settings=settings)


def made(sandbox: Sandbox, way: str) -> list[dict[str, Any]]:
    """The objects that were created from rows."""
    return [each for each in sandbox.objects(TYPES[WAYS[way][0]]) if "row" in each["metadata"]]


def orders(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The requests of the target that create objects."""
    return [each for each in sandbox.requests() if "metadata[row]" in each["body"]]


@EVERY_WAY
def test_beyond_the_safe_age_of_its_key_a_request_is_not_sent_again(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()

    sandbox.advance(25 * HOUR_S)
    later = ordeal.live()

    assert (later.code, later.counts) == (0, {"unchanged": 1})
    assert len(made(sandbox, way)) == 1
    assert len(orders(sandbox)) == 1


@pytest.mark.promise("target 5", "After an incomplete scan nothing is sent")
@EVERY_WAY
@pytest.mark.parametrize("fault", [{"kind": "answer", "status": 403}, {"kind": "answer", "status": 404}])
def test_after_an_incomplete_scan_nothing_is_sent(
    way: str, fault: dict[str, object], sandbox: Sandbox, tmp_path: Path
) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way)
    assert ordeal.die("executed but the answer lost").was_killed
    order = orders(sandbox)[0]
    of_another = order["body"].replace("stripe_flow", "other").replace("metadata[row]", "metadata[other_row]")
    for _ in range(150):  # newer objects, which fill the first page
        requests.post(f"{sandbox.url}{order['path']}", data=of_another, auth=(KEY, ""), headers=FORM, timeout=10)
    before = len(made(sandbox, way))

    sandbox.advance(50 * HOUR_S)
    on_page_two = {"match": {"method": "GET", "path": order["path"]}, "skip": 1, "action": fault}
    sandbox.faults(on_page_two)
    incomplete = ordeal.live()
    sandbox.faults()
    complete = ordeal.live()

    assert (incomplete.code, incomplete.counts) == (3, {"unknown": 1})
    assert (complete.code, complete.counts) == (0, {"unchanged": 1})
    assert len(made(sandbox, way)) == before


@pytest.mark.promise("target 5", '"Not found" counts only 24 hours after the last send')
@EVERY_WAY
def test_an_object_that_appears_in_the_list_after_hours_is_not_created_again(
    way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Stripe answers 500, and its lists hide the object for five hours."""
    ordeal = an_ordeal(sandbox, tmp_path, way)
    write = {"method": "POST"}
    sandbox.faults(
        {"match": write, "action": {"kind": "late_visibility", "at_least_s": 5 * HOUR_S, "up_to_s": 5 * HOUR_S}},
        {"match": write, "at": "after_execute", "action": {"kind": "answer", "status": 500, "stored": "fault"}},
    )
    assert ordeal.live().counts == {"unknown": 1}
    sandbox.faults()

    for hours in (1, 2, 1):
        sandbox.advance(hours * HOUR_S)
        waiting = ordeal.live()
        assert (waiting.code, waiting.counts) == (3, {"unknown": 1})
    sandbox.advance(2 * HOUR_S)
    seen = ordeal.live()

    assert (seen.code, seen.counts) == (0, {"unchanged": 1})
    assert len(made(sandbox, way)) == 1


@EVERY_WAY
def test_an_object_that_is_absent_after_a_day_is_created_anew_or_parked(
    way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way)
    without_effect = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": without_effect})
    assert ordeal.live().counts == {"unknown": 1}
    sandbox.faults()

    sandbox.advance(5 * 60)
    path, asked_before = orders(sandbox)[0]["path"], len(sandbox.requests())
    young = ordeal.live()
    assert (young.code, young.counts) == (3, {"unknown": 1})
    assert path not in [each["path"] for each in sandbox.requests()[asked_before:]]

    sandbox.advance(25 * HOUR_S)
    old = ordeal.live()

    moves_money = ACTIONS[WAYS[way][0]].moves_money
    assert (old.code, old.counts) == ((3, {"parked": 1}) if moves_money else (0, {"created": 1}))
    assert len(made(sandbox, way)) == (0 if moves_money else 1)
