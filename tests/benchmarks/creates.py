"""How much of its pace the target uses for creates."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.benchmarks.measuring import Contender, measure
from tests.support.plugins import a_config, a_record, a_schema, a_state, command
from tests.support.sandbox import Sandbox

PACE_PER_S = 50
AT_MOST_S = 120


def shares_of_the_pace(rounds: int, rows: int) -> list[float]:
    """Creates per second, from the first to the last one, as shares of the pace. Raises Unmeasured."""
    return [_share(rows) for _ in range(rounds)]


def _share(rows: int) -> float:
    records = [a_record("customers", id=number, name="Ann") for number in range(rows)]
    with Sandbox() as empty, tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "given.jsonl"
        lines = [a_schema("customers"), *records, a_state(bookmarks={})]
        given.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return measure(_target(empty, Path(folder), given)).requests_per_s / PACE_PER_S


def _target(sandbox: Sandbox, folder: Path, given: Path) -> Contender:
    """It writes but one STATE, once all is done."""
    pace = {"max_requests_per_second": PACE_PER_S, "max_requests_per_second_total": PACE_PER_S}
    return Contender(
        name="target",
        sandbox=sandbox,
        command=command("target_stripe_flow", folder, a_config(sandbox.url, **pace)),
        at_most_s=AT_MOST_S,
        must_finish=True,
        mark=b'"bookmarks"',
        requests={"method": "POST", "path": "/v1/customers"},
        stdin=given,
    )
