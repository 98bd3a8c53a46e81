"""`scripts/carry_state.py` carries over the state of another tap."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.carry_state import MARGIN_S, convert
from tests.support.official import official
from tests.support.plugins import ROOT, Message, a_config, clean_env, run_tap
from tests.support.sandbox import Sandbox


def of_tap_stripe(until: int) -> Message:
    """A state of tap-stripe 3.3.0: its lists and events of charges read up to the same second, and other streams."""
    return {
        "bookmarks": {
            "charges": {"created": until},
            "charges_events": {"updates_created": until},
            "customers": {"created": until},
            "invoice_line_items": {"created": until},
            "payout_transactions": {"id": "txn_1"},
        }
    }


@pytest.mark.promise("tap 3", "A state carried over from another tap does not read its objects again")
def test_records_that_the_old_tap_had_read_are_not_read_again(sandbox: Sandbox, tmp_path: Path) -> None:
    charges = official(sandbox).v1.charges
    old = a_charge(charges)
    changed = a_charge(charges)
    sandbox.advance(3 * MARGIN_S)
    (tmp_path / "old.json").write_text(json.dumps({"singer_state": of_tap_stripe(sandbox.clock() - MARGIN_S)}))
    charges.update(changed, {"description": "changed later"})
    new = a_charge(charges)

    state = carry(tmp_path / "old.json")
    done = run_tap(tmp_path, a_config(sandbox.url, capture="changes"), state=state)

    assert done.code == 0, done.log
    assert {each["id"] for each in done.records("charges")} == {changed, new}
    assert old not in done.output


def carry(path: Path) -> Message:
    done = subprocess.run(
        [sys.executable, "scripts/carry_state.py", str(path)],
        cwd=ROOT,
        env=clean_env(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.splitlines() == ["invoice_line_items: not carried over", "payout_transactions: not carried over"]
    found: Message = json.loads(done.stdout)["singer_state"]
    return found


@pytest.mark.parametrize("until", [1_700_000_000, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20"])
def test_a_time_may_be_a_number_or_a_date(until: int | str) -> None:
    state, dropped = convert({"bookmarks": {"refunds": {"replication_key_value": until}}}, margin_s=20)

    assert state["bookmarks"]["refunds"]["replication_key_value"] == 1_699_999_980
    assert dropped == []


def a_charge(charges: Any) -> str:  # Any: the client's generics are not strict-clean
    return str(charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"}).id)
