"""One attempt that gets no usable answer while others succeed stays open and holds up nobody. Real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stripe_flow.api.retry import MOST_LEFT_OPEN
from tests.kills.target.rows import TYPES, WAYS, fields_of
from tests.support.plugins import Ended, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import config

# Each case waits until a run gives up an attempt.
pytestmark = pytest.mark.volume(cases=1)

GIVE_UP_S = 1
STUCK = "metadata[row]=stuck"
IN_USE = {"type": "idempotency_error", "code": "idempotency_key_in_use"}
LOCKED = {"type": "invalid_request_error", "code": "lock_timeout"}
RETRY = {"Stripe-Should-Retry": "true"}
# Why an attempt gets no usable answer, as a fault of the sandbox.
CAUSES: dict[str, dict[str, Any]] = {
    "a stored answer that says retry": {
        "at": "after_execute",
        "times": 1,
        "action": {"kind": "answer", "status": 500, "stored": "fault", "headers": RETRY},
    },
    "503 for ever": {"at": "before_execute", "action": {"kind": "answer", "status": 503}},
    "a lock that never ends": {"at": "before_read", "action": {"kind": "answer", "status": 429, "error": LOCKED}},
    "a key that stays in use": {"at": "before_read", "action": {"kind": "answer", "status": 409, "error": IN_USE}},
    "an answer that is cut": {"at": "before_answer", "action": {"kind": "cut", "within": "body"}},
    "a head that is cut": {"at": "before_answer", "action": {"kind": "cut", "within": "head"}},
    "a body that is no JSON": {"at": "before_answer", "action": {"kind": "truncate", "bytes": 20}},
}
EVERY_CAUSE = pytest.mark.parametrize("cause", CAUSES)


def fault(cause: str, body: str = STUCK) -> dict[str, Any]:
    return {"name": cause, "match": {"method": "POST", "body": body}, **CAUSES[cause]}


def run(sandbox: Sandbox, folder: Path, url: str, way: str, *rows: str, **settings: object) -> Ended:
    """A run over these rows, each with its name in its metadata, and a STATE at the end."""
    action, chosen = WAYS[way]
    fields = fields_of(sandbox, action) if rows else {}
    records = [a_record(action, id=row, **fields, metadata={"row": row}) for row in rows]
    lines = [a_schema(action), *records, a_state(rows=len(rows))]
    settings = {"give_up_after_s": GIVE_UP_S, "timeout_s": 1, **chosen, **settings}
    return run_target(folder, config(sandbox, url) | settings, lines)


def rows_at_stripe(sandbox: Sandbox, way: str) -> list[str]:
    found = sandbox.objects(TYPES[WAYS[way][0]])
    return sorted(each["metadata"]["row"] for each in found if "row" in each["metadata"])


@pytest.mark.promise(
    "target 5",
    "One attempt without a usable answer stays open, and the other records are sent, whatever the cause",
)
@EVERY_CAUSE
@pytest.mark.parametrize("order", [("stuck", "a"), ("a", "stuck")], ids="-".join)
def test_the_others_go_on_and_the_attempt_stays_open(
    order: tuple[str, ...], cause: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    journal_url = f"sqlite:///{tmp_path / 'journal.db'}"
    sandbox.faults(fault(cause))

    done = run(sandbox, tmp_path, journal_url, "charges", *order)
    later = run(sandbox, tmp_path, journal_url, "charges", "b")
    sandbox.faults()
    sandbox.advance(26 * 3600)
    last = run(sandbox, tmp_path, journal_url, "charges", "c")

    assert (done.code, done.summary) == (3, "2 records: 1 created, 1 unknown")
    assert done.messages == [{"rows": 2}], "an unknown attempt is durable, so STATE passes it"
    assert (later.code, later.summary) == (3, "1 records: 1 created")
    assert last.summary == "1 records: 1 created"
    made = rows_at_stripe(sandbox, "charges")
    assert [row for row in made if row != "stuck"] == ["a", "b", "c"]
    assert made.count("stuck") <= 1


@pytest.mark.parametrize("way", WAYS)
def test_every_action_goes_on(way: str, sandbox: Sandbox, tmp_path: Path, journal_url: str) -> None:
    sandbox.faults(fault("a stored answer that says retry"))

    done = run(sandbox, tmp_path, journal_url, way, "a", "stuck", "b")
    later = run(sandbox, tmp_path, journal_url, way, "c")

    assert (done.code, done.summary) == (3, "3 records: 2 created, 1 unknown")
    assert (later.code, later.summary) == (3, "1 records: 1 created")
    assert rows_at_stripe(sandbox, way) == ["a", "b", "c", "stuck"]


@pytest.mark.promise("target 5", "If nothing succeeds, the run ends with exit code 4")
@EVERY_CAUSE
def test_if_nothing_succeeds_stripe_is_unreachable(cause: str, sandbox: Sandbox, tmp_path: Path) -> None:
    journal_url = f"sqlite:///{tmp_path / 'journal.db'}"
    sandbox.faults(fault(cause, "amount") | {"times": 1000})

    done = run(sandbox, tmp_path, journal_url, "charges", "a")

    assert done.code == 4
    assert done.messages == []


def test_writes_that_all_fail_from_some_time_on_end_the_run(sandbox: Sandbox, tmp_path: Path, journal_url: str) -> None:
    rows = [f"stuck{number}" for number in range(4 * MOST_LEFT_OPEN)]
    sandbox.faults(fault("503 for ever"))

    done = run(sandbox, tmp_path, journal_url, "charges", "first", *rows, concurrency=2 * MOST_LEFT_OPEN)

    assert done.code == 4
    assert rows_at_stripe(sandbox, "charges") == ["first"]


@pytest.mark.parametrize("kind", [{"kind": "cut"}, {"kind": "answer", "status": 503}], ids=["cut", "503"])
def test_a_scan_without_a_usable_answer_holds_up_no_record(
    kind: dict[str, Any], sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    in_doubt = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults(fault("a stored answer that says retry") | {"action": in_doubt})
    assert run(sandbox, tmp_path, journal_url, "charges", "stuck").code == 3
    sandbox.advance(26 * 3600)
    sandbox.faults({"name": "scan", "match": {"method": "GET", "path": "/v1/charges"}, "action": kind})

    done = run(sandbox, tmp_path, journal_url, "charges", "a")
    sandbox.faults()
    last = run(sandbox, tmp_path, journal_url, "charges", "a", "stuck")

    assert (done.code, done.summary) == (3, "1 records: 1 created")
    assert (last.code, last.summary) == (0, "2 records: 2 unchanged")
