"""Doubt is resolved by asking, and by nothing less: real runs, effects counted in the sandbox.

Each of these turns red when one rule is taken away: the age of a key, the completeness of a look, the day before
absence counts.
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
    """Of one row, which dies at the first passage of a point."""
    action, settings = WAYS[way]
    return Ordeal(sandbox, folder, rows_of([action], 1), most_passages=1, settings=settings)


def made(sandbox: Sandbox, way: str) -> list[dict[str, Any]]:
    """What was made of rows."""
    return [each for each in sandbox.objects(TYPES[WAYS[way][0]]) if "row" in each["metadata"]]


def orders(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The requests of the target that create something."""
    return [each for each in sandbox.requests() if "metadata[row]" in each["body"]]


@EVERY_WAY
def test_a_key_that_may_be_forgotten_is_not_sent_again(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()

    sandbox.advance(25 * HOUR_S)
    later = ordeal.live()

    assert (later.code, later.counts) == (0, {"unchanged": 1})
    assert len(made(sandbox, way)) == 1
    assert len(orders(sandbox)) == 1


@EVERY_WAY
@pytest.mark.parametrize("fault", [{"kind": "answer", "status": 403}, {"kind": "answer", "status": 404}])
def test_a_look_that_was_cut_off_opens_no_way(
    way: str, fault: dict[str, object], sandbox: Sandbox, tmp_path: Path
) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way)
    assert ordeal.die("executed but the answer lost").was_killed
    order = orders(sandbox)[0]
    somebody_elses = order["body"].replace("stripe_flow", "other").replace("metadata[row]", "metadata[other_row]")
    for _ in range(150):  # on the first page, before what is looked for
        requests.post(f"{sandbox.url}{order['path']}", data=somebody_elses, auth=(KEY, ""), headers=FORM, timeout=10)
    before = len(made(sandbox, way))

    sandbox.advance(50 * HOUR_S)
    on_page_two = {"match": {"method": "GET", "path": order["path"]}, "skip": 1, "action": fault}
    sandbox.faults(on_page_two)
    cut = ordeal.live()
    sandbox.faults()
    whole = ordeal.live()

    assert (cut.code, cut.counts) == (3, {"unknown": 1})
    assert (whole.code, whole.counts) == (0, {"unchanged": 1})
    assert len(made(sandbox, way)) == before


@EVERY_WAY
def test_what_is_absent_is_given_a_day_to_appear(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Stripe failed, and what it did is in no list for hours."""
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
def test_what_is_absent_after_a_day_is_tried_again_or_parked(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
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
