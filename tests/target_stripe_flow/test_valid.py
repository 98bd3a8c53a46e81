"""Records that are right: all of them are sent, as the official client would send them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from target_stripe_flow.actions import ACTIONS, ActionSpec
from tests.support.official import official
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.generated import collected, valid

# Of each action: 5,000 in all.
COUNT = 1_667


@pytest.mark.parametrize("spec", ACTIONS.values(), ids=ACTIONS)
def test_no_valid_record_is_rejected_and_each_is_sent_as_the_official_client_sends_it(
    spec: ActionSpec, sandbox: Sandbox, tmp_path: Path
) -> None:
    records = collected(valid(spec.name), COUNT)
    lines = [a_schema(spec.name, "key"), *(a_record(spec.name, key=n, **record) for n, record in enumerate(records))]

    done = run_target(tmp_path, a_config(sandbox.url), lines)
    ours = posted(sandbox)
    create = getattr(official(sandbox).v1, spec.name).create
    for record in records:
        lower = {"currency": record["currency"].lower()} if "currency" in record else {}
        create(record | lower | {"metadata": record.get("metadata", {}) | {"stripe_flow": "x"}})
    theirs = posted(sandbox)[len(ours) :]

    assert done.summary == f"{COUNT} records: {COUNT} created"
    assert sorted(ours) == sorted(theirs)


def posted(sandbox: Sandbox) -> list[list[tuple[str, str]]]:
    """What was asked for, the order of the parameters and the value of the marker aside."""
    return [
        sorted(
            (name, "" if name == "metadata[stripe_flow]" else value)
            for name, value in parse_qsl(each["body"], keep_blank_values=True)
        )
        for each in sandbox.requests()
        if each["method"] == "POST"
    ]
