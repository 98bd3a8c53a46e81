"""Doubt is resolved by asking, and by nothing less: real runs, effects counted in the sandbox.

Each of these turns red when one rule is taken away: the age of a key, the completeness of a look, the day before
absence counts.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from target_stripe_flow.actions import ACTIONS
from tests.api.builders import KEY
from tests.mortality.ordeal import Ordeal
from tests.mortality.rows import TYPES, rows_of
from tests.support.sandbox import Sandbox

HOUR_S = 3600
EVERY_ACTION = pytest.mark.parametrize("action", ACTIONS)


def an_ordeal(sandbox: Sandbox, folder: Path, action: str) -> Ordeal:
    """Of one row, which dies at the first passage of a point."""
    return Ordeal(sandbox, folder, rows_of([action], 1), most_passages=1)


@EVERY_ACTION
def test_a_key_that_may_be_forgotten_is_not_sent_again(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, action)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()

    sandbox.advance(25 * HOUR_S)
    later = ordeal.live()

    assert (later.code, later.counts) == (0, {"unchanged": 1})
    assert len(sandbox.objects(TYPES[action])) == 1
    assert [each["method"] for each in sandbox.requests()].count("POST") == 1


@EVERY_ACTION
@pytest.mark.parametrize("fault", [{"kind": "answer", "status": 403}, {"kind": "answer", "status": 404}])
def test_a_look_that_was_cut_off_opens_no_way(
    action: str, fault: dict[str, object], sandbox: Sandbox, tmp_path: Path
) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, action)
    assert ordeal.die("executed but the answer lost").was_killed
    for _ in range(150):  # on the first page, before what is looked for
        requests.post(f"{sandbox.url}/v1/{action}", data=ordeal.rows[0].filling(), auth=(KEY, ""), timeout=10)
    before = len(sandbox.objects(TYPES[action]))

    sandbox.advance(50 * HOUR_S)
    on_page_two = {"match": {"method": "GET", "path": f"/v1/{action}"}, "skip": 1, "action": fault}
    sandbox.faults(on_page_two)
    cut = ordeal.live()
    sandbox.faults()
    whole = ordeal.live()

    assert (cut.code, cut.counts) == (3, {"unknown": 1})
    assert (whole.code, whole.counts) == (0, {"unchanged": 1})
    assert len(sandbox.objects(TYPES[action])) == before


@EVERY_ACTION
def test_what_is_absent_is_given_a_day_to_appear(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Stripe failed, and what it did is in no list for hours."""
    ordeal = an_ordeal(sandbox, tmp_path, action)
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
    assert len(sandbox.objects(TYPES[action])) == 1


@EVERY_ACTION
def test_what_is_absent_after_a_day_is_tried_again_or_parked(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, action)
    without_effect = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": without_effect})
    assert ordeal.live().counts == {"unknown": 1}
    sandbox.faults()

    sandbox.advance(5 * 60)
    posts_before_looks = [each["path"] for each in sandbox.requests()]
    young = ordeal.live()
    assert (young.code, young.counts) == (3, {"unknown": 1})
    assert f"/v1/{action}" not in [each["path"] for each in sandbox.requests()][len(posts_before_looks) :]

    sandbox.advance(25 * HOUR_S)
    old = ordeal.live()

    moves_money = ACTIONS[action].moves_money
    assert (old.code, old.counts) == ((3, {"parked": 1}) if moves_money else (0, {"created": 1}))
    assert len(sandbox.objects(TYPES[action])) == (0 if moves_money else 1)
