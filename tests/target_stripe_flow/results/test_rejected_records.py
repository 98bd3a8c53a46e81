"""For every action and endpoint: a bad record is reported, does not stop good ones, and can be fixed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.rows import TYPES, WAYS, fields_of
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One endpoint of one action, in a sandbox and a folder of its own."""

    way: str
    sandbox: Sandbox
    folder: Path

    @property
    def action(self) -> str:
        return WAYS[self.way][0]

    def good(self, number: int, **more: object) -> Message:
        return a_record(self.action, id=number, **fields_of(self.sandbox, self.action) | more)

    def bad(self, number: int) -> Message:
        return self.good(number, metadata=5)

    def run(self, *lines: Message | bytes, **settings: object) -> Ended:
        config = a_config(self.sandbox.url, **WAYS[self.way][1], **settings)
        return run_target(self.folder, config, [a_schema(self.action), *lines])

    def made(self) -> list[dict[str, Any]]:  # Any: JSON
        """The objects that the target has created."""
        return [each for each in self.sandbox.objects(TYPES[self.action]) if "stripe_flow" in each["metadata"]]

    @property
    def rejects(self) -> Path:
        return self.folder / "stripe-flow-rejects.jsonl"

    def reports(self) -> list[dict[str, Any]]:  # Any: JSON
        """The member `stripe_flow` of each reject."""
        reported = map(json.loads, self.rejects.read_text(encoding="utf-8").splitlines())
        return [each["stripe_flow"] for each in reported if each["type"] == "RECORD"]


@pytest.fixture(params=WAYS)
def bench(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Bench:
    return Bench(way=request.param, sandbox=sandbox, folder=tmp_path)


def test_a_bad_row_is_named_and_the_good_ones_go_on(bench: Bench) -> None:
    done = bench.run(bench.good(1), bench.bad(2), bench.good(3), a_state(done=3))

    assert (done.code, json.loads(done.output)) == (0, {"done": 3})
    assert done.summary.startswith("3 records: 2 created, 1 rejected (see ")
    assert [(each["status"], each["field"], each["line"]) for each in bench.reports()] == [("rejected", "metadata", 3)]
    assert len(bench.made()) == 2


@pytest.mark.promise(
    "target 7",
    "For each action: a wrong row is named, the others go on, and the fixed row can be piped back",
)
def test_a_fixed_reject_can_be_piped_back(bench: Bench) -> None:
    bench.run(bench.bad(1))
    fixed = bench.rejects.read_bytes().replace(b'"metadata":5', b'"metadata":{}')

    done, again = bench.run(fixed), bench.run(fixed)

    assert (done.summary, again.summary) == ("1 records: 1 created", "1 records: 1 unchanged")
    assert len(bench.made()) == 1


def test_a_record_that_stripe_refused_is_reported_and_may_be_sent_again(bench: Bench) -> None:
    error = {"type": "invalid_request_error", "code": "parameter_invalid_string_blank", "param": "metadata"}
    path = ACTIONS[bench.action].endpoints[bench.way].path
    refuse = {"kind": "answer", "status": 400, "error": error}
    record = bench.good(1)
    bench.sandbox.faults({"match": {"method": "POST", "path": path}, "times": 1, "action": refuse})

    done = bench.run(record)
    assert bench.made() == []
    again = bench.run(record)

    assert done.summary.startswith("1 records: 1 rejected")
    assert [(each["code"], each["field"]) for each in bench.reports()] == [(error["code"], error["param"])]
    assert again.summary == "1 records: 1 created"
    assert len(bench.made()) == 1


def test_on_reject_fail_stops_at_the_first_reject(bench: Bench) -> None:
    done = bench.run(bench.bad(1), bench.good(2), a_state(done=2), on_reject="fail")

    assert (done.code, done.output) == (2, "")
    assert "line 2" in done.errors[0]
    assert bench.made() == []


def test_max_rejects_stops_a_runaway_run(bench: Bench) -> None:
    done = bench.run(*map(bench.bad, range(10)), max_rejects=3)

    assert done.code == 2
    assert done.summary.startswith("4 records: 4 rejected")
