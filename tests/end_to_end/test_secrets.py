"""The selections of the examples, through real Meltano: no secret of an object reaches the output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from scripts.generate_hub import HUB
from tests.end_to_end.test_declared import a_project, meltano
from tests.support.documented_plugins import named
from tests.support.plugins import ROOT
from tests.support.sandbox import Sandbox
from tests.test_docs import YAML_BLOCKS

Json = Any  # Any: YAML and JSON

# The kinds of the table in docs/warehouse.md that the sandbox makes without a call of Stripe's API.
KINDS = ("setup_intent", "checkout.session", "topup", "invoice", "webhook_endpoint")
STREAMS = ("payment_intents", "setup_intents", "checkout_sessions", "top_ups", "invoices", "webhook_endpoints")


def selections() -> dict[str, list[str]]:
    """Every `select` of the examples that reads Stripe into a warehouse, by where it stands."""
    blocks = {str(block.id): str(block.values[0]) for block in YAML_BLOCKS}
    blocks["meltano.yml"] = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    blocks["hub"] = (HUB / "extractors" / "tap-stripe-flow.yml").read_text(encoding="utf-8")
    return {
        f"{where} {entry['name']}": entry["select"]
        for where, text in blocks.items()
        for entry in named(yaml.safe_load(text))
        if entry["name"] == "tap-stripe-flow" and "select" in entry
    }


def values(part: Json, name: str = "") -> list[str]:
    """Every text below a member whose name says that it is a secret."""
    if isinstance(part, dict):
        return [text for key, inner in part.items() for text in values(inner, key if "secret" in key else name)]
    if isinstance(part, list):
        return [text for inner in part for text in values(inner, name)]
    return [part] if name and isinstance(part, str) else []


@pytest.mark.promise("target 14", "With the `select` of the examples no secret reaches the output")
@pytest.mark.volume
def test_the_examples_patterns_let_no_secret_through(sandbox: Sandbox, tmp_path: Path) -> None:
    for kind in KINDS:
        sandbox.make(kind)
    intent = {"amount": 100, "currency": "usd"}
    requests.post(f"{sandbox.url}/v1/payment_intents", data=intent, auth=(Sandbox.key, ""), timeout=30)
    at_stripe = [sandbox.objects(kind) for kind in ("payment_intent", *KINDS)]
    patterns = {rule for select in selections().values() for rule in select if "secret" in rule}
    select = json.dumps([*(f"{stream}.*" for stream in STREAMS), *patterns])
    a_project(tmp_path, sandbox.url)

    done = meltano(tmp_path, "invoke", "tap-stripe-flow", TAP_STRIPE_FLOW__SELECT=select)

    assert done.returncode == 0, done.stderr
    written = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["record"]["object"] for each in written if each["type"] == "RECORD"} == {"payment_intent", *KINDS}
    assert "secret" not in json.dumps([each for each in written if each["type"] == "SCHEMA"])
    secrets = values(at_stripe)
    assert len(secrets) >= len({"payment_intents", "setup_intents", "top_ups"})
    assert not [secret for secret in secrets if secret in done.stdout]


@pytest.mark.parametrize("where", selections())
def test_each_example_deselects_secrets(where: str) -> None:
    assert "!*.*secret*" in selections()[where]
