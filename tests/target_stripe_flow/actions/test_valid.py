"""Valid records: each is sent, with the same parameters as the official client sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.rows import VISA, WAYS
from tests.support.official import official
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.support.selection import sizes
from tests.target_stripe_flow.generated import collected, noise, valid


@pytest.mark.promise(
    "target 7",
    "5,000 valid records: none is rejected, and each is sent as the official client sends it",
)
@pytest.mark.parametrize("count", sizes(50, 5_000 // len(WAYS) + 1))
@pytest.mark.parametrize("way", WAYS)
def test_no_valid_record_is_rejected_and_each_is_sent_as_the_official_client_sends_it(
    way: str, count: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    action, chosen = WAYS[way]
    records = [record | charged(sandbox, action) for record in collected(valid(action), count)]
    before = len(posted(sandbox))
    others = collected(noise(), count)
    rows = [{**other, **record, "key": n} for n, (record, other) in enumerate(zip(records, others, strict=True))]
    lines = [a_schema(action, "key"), *(a_record(action, **row) for row in rows)]

    done = run_target(tmp_path, a_config(sandbox.url, **chosen), lines)
    ours = posted(sandbox)[before:]
    create = getattr(official(sandbox).v1, way).create
    for record in records:
        lower = {"currency": record["currency"].lower()} if "currency" in record else {}
        marked = {"metadata": record.get("metadata", {}) | {"stripe_flow": "x"}}
        create(ACTIONS[action].endpoints[way].translate(record | lower | marked))
    theirs = posted(sandbox)[before + len(ours) :]

    assert done.summary == f"{count} records: {count} created"
    assert sorted(ours) == sorted(theirs)


def charged(sandbox: Sandbox, action: str) -> dict[str, Any]:  # Any: JSON
    """The charge that a refund refers to."""
    if action != "refunds":
        return {}
    if not (charges := sandbox.objects("charge")):
        return {"charge": official(sandbox).v1.charges.create(dict(VISA)).id}
    return {"charge": charges[0]["id"]}


def posted(sandbox: Sandbox) -> list[list[tuple[str, str]]]:
    """The parameters of each write, sorted, without the value of the marker."""
    return [
        sorted(
            (name, "" if name == "metadata[stripe_flow]" else value)
            for name, value in parse_qsl(each["body"], keep_blank_values=True)
        )
        for each in sandbox.requests()
        if each["method"] == "POST"
    ]
