"""A key without a permission, through real Meltano: its stream stops with the reason, the other one continues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.end_to_end.conftest import Project
from tests.support.official import official
from tests.support.sandbox import PLATFORM, Sandbox

pytestmark = pytest.mark.volume

PERMISSION = "rak_refund_read"  # not the one in our table of streams: the message must name Stripe's
# The sandbox has one permission for both streams, so a fault refuses refunds as for a key without it.
NO_REFUNDS = {
    "name": "no permission",
    "match": {"method": "GET", "path": "/v1/refunds*"},
    "action": {
        "kind": "answer",
        "status": 403,
        "error": {
            "type": "invalid_request_error",
            "message": "The provided key 'rk_test_*******' does not have the required permissions for this endpoint on "
            f"account '{PLATFORM}'. Having the '{PERMISSION}' permission would allow this request to continue.",
        },
    },
}


@dataclass
class Flow:
    """The tap's run into JSONL files, and the state that Meltano keeps of it."""

    project: Project
    sandbox: Sandbox

    def run(self) -> tuple[int, str]:
        """Meltano's exit code, and all that is on the screen."""
        done = self.project.meltano("run", "tap-stripe-flow", "target-jsonl", url=self.sandbox.url)
        return done.returncode, done.stdout + done.stderr

    def bookmarks(self) -> dict[str, Any]:  # Any: JSON
        done = self.project.meltano("state", "get", "dev:tap-stripe-flow-to-target-jsonl")
        found: dict[str, Any] = json.loads(done.stdout)["singer_state"]["bookmarks"]
        return found

    def written(self, stream: str) -> list[str]:
        lines = (self.project.home / f"{stream}.jsonl").read_text().splitlines()
        return [json.loads(line)["id"] for line in lines]


@pytest.mark.promise(
    "tap 8",
    "Through Meltano, a missing permission stops its stream only: charges advance, refunds do not",
)
def test_a_missing_permission_stops_only_its_stream_and_is_named(project: Project, sandbox: Sandbox) -> None:
    flow, client = Flow(project, sandbox), official(sandbox).v1
    a_refunded_charge(client)
    assert flow.run()[0] == 0
    before = flow.bookmarks()
    a_refunded_charge(client)
    sandbox.advance(600)
    sandbox.faults(NO_REFUNDS)

    code, screen = flow.run()

    after = flow.bookmarks()
    assert code == 1
    assert all(word in screen for word in ("stream refunds", "GET /v1/refunds", PERMISSION))
    assert after["charges"]["replication_key_value"] > before["charges"]["replication_key_value"]
    assert after["refunds"] == before["refunds"]
    assert sorted(flow.written("charges")) == sorted(each["id"] for each in sandbox.objects("charge"))
    assert len(flow.written("refunds")) == 1


def test_a_stream_without_permission_is_read_in_full_once_it_is_granted(project: Project, sandbox: Sandbox) -> None:
    flow, client = Flow(project, sandbox), official(sandbox).v1
    sandbox.faults(NO_REFUNDS)
    a_refunded_charge(client)
    assert flow.run()[0] == 1
    sandbox.faults()

    code, _ = flow.run()

    assert code == 0
    assert flow.written("refunds") == [each["id"] for each in sandbox.objects("refund")]
    assert flow.written("charges") == [each["id"] for each in sandbox.objects("charge")]


def a_refunded_charge(client: Any) -> None:  # Any: the client's generics are not strict-clean
    charge = client.charges.create({"amount": 1000, "currency": "usd", "source": "tok_visa"})
    client.refunds.create({"charge": charge.id})
