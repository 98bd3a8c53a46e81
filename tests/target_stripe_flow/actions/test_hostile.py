"""Invalid records: each is rejected by the name of its wrong field, and no value of it is sent or logged."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.rows import WAYS, fields_of
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.support.selection import sizes
from tests.target_stripe_flow.generated import CARD, Broken, collected, hostile

# For each endpoint: 10,000 in all.
KEY = "sk_live_51CanaryCanaryCanary"


def with_canaries(broken: Broken, number: int) -> dict[str, Any]:  # Any: JSON
    """Adds a card number and an API key in a note, and a number that makes the record unique."""
    return {"id": number} | broken.record | {"row": number, "memo": f"card {CARD}, key {KEY}"}


# A search for each customer: what rejects a record comes before it.
MATCHING = {"customers": {"match_customers_by": "email"}}


@pytest.mark.promise(
    "target 14",
    "10,000 hostile records: each is rejected by its wrong field, none reaches Stripe, no card number or key leaks",
)
@pytest.mark.parametrize("count", sizes(100, 10_000 // len(WAYS) + 1))
@pytest.mark.parametrize("way", WAYS)
def test_each_hostile_record_is_rejected_by_the_field_that_is_wrong(
    way: str, count: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    action, chosen = WAYS[way][0], {**WAYS[way][1], **MATCHING.get(way, {})}
    broken = collected(hostile(action), count)
    lines = [a_schema(action), *(a_record(action, **with_canaries(each, number)) for number, each in enumerate(broken))]
    lines += [a_schema("customers"), a_record("customers", id="good", name="Ann")]

    done = run_target(tmp_path, a_config(sandbox.url, **chosen), lines)

    reports = {each["record"]["row"]: each["stripe_flow"] for each in rejects(tmp_path)}
    fields = [(number, each.field, reports[number]["field"]) for number, each in enumerate(broken)]
    assert [(broken[what[0]], reports[what[0]]) for what in fields if what[1] != what[2]] == []
    assert done.summary.startswith(f"{len(broken) + 1} records: 1 created, {len(broken)} rejected")
    assert (done.code, len(reports)) == (0, len(broken))
    assert [each["path"] for each in sandbox.requests() if each["method"] == "POST"] == ["/v1/customers"]
    left = [path.read_bytes() for path in tmp_path.iterdir() if path.name != "target_stripe_flow.json"]
    written = [content.decode(errors="replace") for content in [*left, done.output.encode(), done.log.encode()]]
    asked = [f"{each['path']}?{each['query']} {each['body']}" for each in sandbox.requests()]
    assert not any(KEY in text for text in [*written, *asked])
    assert not any(CARD in plain_digits(text) for text in [*written, *asked])
    assert len(asked) < 100  # what is missing is asked for once


def plain_digits(text: str) -> str:
    """The text in plain digits, without what may separate them, as a person would read a card number."""
    return re.sub(r"[^\w\n:,\"]|_", "", unicodedata.normalize("NFKC", text))


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize("way", WAYS)
def test_a_text_of_ten_megabytes_is_rejected(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, chosen = WAYS[way]
    properties: Any = ACTIONS[action].schema()["properties"]
    field = max(properties, key=lambda name: properties[name].get("maxLength", 0))
    base = fields_of(sandbox, action)
    lines = [a_schema(action), a_record(action, id=1, **base | {field: "ü" * 10**7}), a_record(action, id=2, **base)]

    done = run_target(tmp_path, a_config(sandbox.url, **chosen), lines)

    assert done.summary.startswith("2 records: 1 created, 1 rejected")
    assert [each["stripe_flow"]["field"] for each in rejects(tmp_path)] == [field]


def rejects(folder: Path) -> list[dict[str, Any]]:  # Any: JSON
    lines = (folder / "stripe-flow-rejects.jsonl").read_bytes().splitlines()
    return [each for each in map(json.loads, lines) if each["type"] == "RECORD"]
