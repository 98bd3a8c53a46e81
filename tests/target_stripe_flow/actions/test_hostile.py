"""Records that are wrong: each is rejected by the name of what is wrong with it, and nothing of it leaves or leaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kills.target.rows import WAYS
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.generated import CARD, Broken, collected, hostile

# Of each way: 10,000 in all.
COUNT = 1_700
KEY = "sk_live_51CanaryCanaryCanary"


def with_canaries(broken: Broken, number: int) -> dict[str, Any]:  # Any: JSON
    """A card number and a key where a careless source puts them, and a number that makes the record unique."""
    return {"id": number} | broken.record | {"row": number, "note": f"card {CARD}, key {KEY}"}


@pytest.mark.parametrize("way", WAYS)
def test_each_hostile_record_is_rejected_by_the_field_that_is_wrong(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, chosen = WAYS[way]
    mine = collected(hostile(action), COUNT)
    assert COUNT * len(WAYS) >= 10_000
    lines = [a_schema(action), *(a_record(action, **with_canaries(each, number)) for number, each in enumerate(mine))]
    lines += [a_schema("customers"), a_record("customers", id="good", name="Ann")]

    done = run_target(tmp_path, a_config(sandbox.url, **chosen), lines)

    reports = {each["record"]["row"]: each["stripe_flow"] for each in rejects(tmp_path)}
    fields = [(number, each.field, reports[number]["field"]) for number, each in enumerate(mine)]
    assert [what for what in fields if what[1] != what[2]] == []
    assert done.summary.startswith(f"{len(mine) + 1} records: 1 created, {len(mine)} rejected")
    assert (done.code, len(reports)) == (0, len(mine))
    assert [each["path"] for each in sandbox.requests() if each["method"] == "POST"] == ["/v1/customers"]
    left = [path.read_bytes() for path in tmp_path.iterdir() if path.name != "target_stripe_flow.json"]
    for canary in (CARD, KEY):
        assert not any(canary.encode() in content for content in [*left, done.output.encode(), done.log.encode()])


@pytest.mark.parametrize(
    ("stream", "field"), [("customers", "description"), ("products", "name"), ("charges", "statement_descriptor")]
)
def test_a_text_of_ten_megabytes_is_a_reject_and_no_burden(
    stream: str, field: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    base = {"name": "x"} if stream != "charges" else {"amount": 100, "currency": "usd", "source": "tok_visa"}
    lines = [a_schema(stream), a_record(stream, id=1, **base | {field: "ü" * 10**7}), a_record(stream, id=2, **base)]

    done = run_target(tmp_path, a_config(sandbox.url), lines)

    assert done.summary.startswith("2 records: 1 created, 1 rejected")
    assert [each["stripe_flow"]["field"] for each in rejects(tmp_path)] == [field]


def rejects(folder: Path) -> list[dict[str, Any]]:  # Any: JSON
    lines = (folder / "stripe-flow-rejects.jsonl").read_bytes().splitlines()
    return [each for each in map(json.loads, lines) if each["type"] == "RECORD"]
