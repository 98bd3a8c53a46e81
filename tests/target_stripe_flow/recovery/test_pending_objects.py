"""What is not over at Stripe is looked at by every run, until it is over: refunds, debits, payments. Real runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kills.target.rows import TYPES, WAYS, fields_of
from tests.support.between import Between
from tests.support.plugins import Ended, a_config, a_record, a_schema, a_state, run, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import query

# Each case waits for requests that are sent again.
pytestmark = pytest.mark.volume(cases=1)

# A way, the status that is not over, and the path under which its object is read.
PENDING = [
    ("refunds", "pending", "/v1/refunds"),
    ("refunds", "requires_action", "/v1/refunds"),
    ("charges", "pending", "/v1/charges"),
    ("payment_intents", "processing", "/v1/payment_intents"),
    ("payment_intents", "requires_action", "/v1/payment_intents"),
]
EVERY_PENDING = pytest.mark.parametrize("pending", PENDING, ids="-".join)
# How it ends: the statuses that say so for refunds, charges and PaymentIntents, and the record's status after it.
ENDS = {
    "refunds": [("succeeded", "unchanged"), ("failed", "declined"), ("canceled", "declined")],
    "charges": [("succeeded", "unchanged"), ("failed", "declined")],
    "payment_intents": [
        *(("succeeded", "unchanged"), ("requires_payment_method", "declined"), ("canceled", "declined")),
    ],
}
EVERY_END = pytest.mark.parametrize(
    ("pending", "end"),
    [(each, end) for each in PENDING for end in ENDS[each[0]]],
    ids="-".join,
)


class World:
    """A sandbox behind a server that sets the status of objects, and runs over one record."""

    def __init__(self, sandbox: Sandbox, folder: Path, url: str, pending: tuple[str, str, str]) -> None:
        self.way, self.status, self.path = pending
        self.sandbox, self.folder, self.url = sandbox, folder, url
        self.action, self.chosen = WAYS[self.way]
        self.record = {"id": 1, **fields_of(sandbox, self.action)}

    def run(self, status: str | None, **settings: object) -> tuple[Ended, list[tuple[str, str]]]:
        """A run while Stripe's objects have this status (None: their own), and what it asked for."""
        changes: dict[str, dict[str, Any]] = {} if status is None else {f"{self.path}*": {"status": status}}
        lines = [a_schema(self.action), a_record(self.action, **self.record), a_state(n=1)]
        with Between(self.sandbox.url, changes=changes) as between:
            done = run_target(self.folder, self.config(between.url) | settings, lines)
        return done, between.heard

    def config(self, url: str) -> dict[str, object]:
        return a_config(url, journal_url=self.url, **self.chosen)

    def command(self, *arguments: str, status: str | None = None) -> Ended:
        changes: dict[str, dict[str, Any]] = {} if status is None else {f"{self.path}*": {"status": status}}
        with Between(self.sandbox.url, changes=changes) as between:
            (self.folder / "config.json").write_text(json.dumps(self.config(between.url)))
            line = [sys.executable, "-m", "stripe_flow_cli", "journal", *arguments, "--config", "config.json"]
            return run(line, self.folder)


@pytest.mark.promise("target 6", "Every run checks a pending refund or debit until it is final")
@EVERY_END
def test_what_is_not_over_is_looked_at_until_it_is(
    pending: tuple[str, str, str], end: tuple[str, str], sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    world = World(sandbox, tmp_path, journal_url, pending)

    first, _ = world.run(world.status)
    second, asked = world.run(world.status)
    sandbox.advance(25 * 3600)
    over, asked_later = world.run(end[0])
    after, _ = world.run(end[0])

    for done in (first, second):
        assert (done.code, done.summary) == (3, "1 records: 1 pending")
    reads = [path for method, path in asked if method == "GET" and path.startswith(world.path)]
    assert len(reads) == 1
    assert "?" not in reads[0], "read by its id, which is known"
    assert not [each for each in asked + asked_later if each[0] == "POST"]
    for done in (over, after):
        assert (done.code, done.summary.partition(" (")[0]) == (0, f"1 records: 1 {end[1]}")
    rejects = tmp_path / "stripe-flow-rejects.jsonl"
    assert rejects.exists() == (end[1] == "declined")
    kinds = {"refunds": "refund"}.get(world.action, "charge")
    assert len([each for each in sandbox.objects(kinds) if "stripe_flow" in each["metadata"]]) == 1


@pytest.mark.volume
@EVERY_END
def test_the_report_counts_only_what_is_over_and_went_well(
    pending: tuple[str, str, str], end: tuple[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    world = World(sandbox, tmp_path, f"sqlite:///{tmp_path / 'journal.db'}", pending)
    amount = 50 if world.action == "refunds" else world.record["amount"]

    world.run(world.status)
    before = json.loads(world.command("report", "--json").output)["amounts"][0]
    world.run(end[0])
    after = json.loads(world.command("report", "--json").output)["amounts"][0]

    def sums(total: dict[str, Any]) -> tuple[int, ...]:
        return tuple(total[name] or 0 for name in ("created", "declined", "open"))

    assert sums(before) == (0, 0, amount)
    assert sums(after) == ((amount, 0, 0) if end[1] == "unchanged" else (0, amount, 0))


@EVERY_PENDING
def test_a_rebuilt_journal_has_what_is_not_over_as_pending(
    pending: tuple[str, str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    world = World(sandbox, tmp_path, f"sqlite:///{tmp_path / 'first.db'}", pending)
    world.run(world.status)
    world.url = f"sqlite:///{tmp_path / 'second.db'}"
    assert world.command("init").code == 0

    rebuilt = world.command("rebuild", status=world.status)
    still, _ = world.run(world.status)
    over, _ = world.run(ENDS[world.way][1][0])

    assert rebuilt.code == 0
    assert (still.code, still.summary) == (3, "1 records: 1 pending")
    assert over.summary.partition(" (")[0] == "1 records: 1 declined"


def test_a_refund_that_an_older_release_called_created_stays_so(sandbox: Sandbox, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    world = World(sandbox, tmp_path, url, ("refunds", "pending", "/v1/refunds"))
    world.run("pending")
    query(url, "UPDATE attempts SET state = 'created', body = NULL RETURNING 1")

    done, asked = world.run("failed")

    assert (done.code, done.summary) == (0, "1 records: 1 unchanged")
    assert not [path for _, path in asked if path.startswith("/v1/refunds")]


@EVERY_PENDING
def test_an_object_that_cannot_be_read_stays_pending(
    pending: tuple[str, str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    world = World(sandbox, tmp_path, f"sqlite:///{tmp_path / 'journal.db'}", pending)
    world.run(world.status)
    sandbox.advance(30 * 24 * 3600)
    for answer in ({"status": 403}, {"status": 404}, {"status": 503}):
        sandbox.faults({"match": {"method": "GET", "path": f"{world.path}*"}, "action": {"kind": "answer", **answer}})

        done, _ = world.run(None, give_up_after_s=0)

        assert (done.code, done.summary) == (3, "1 records: 1 pending")
    assert TYPES[world.action]
