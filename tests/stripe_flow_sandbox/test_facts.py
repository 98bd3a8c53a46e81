"""The table of facts about Stripe: each names its tests, or the reason why it has none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
FACTS: list[dict[str, Any]] = json.loads((HERE / "facts.json").read_text())  # Any: JSON of the table


def test_each_fact_has_an_id_of_its_own() -> None:
    ids = [fact["id"] for fact in FACTS]

    assert len(set(ids)) == len(ids) > 60


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["id"])
def test_a_fact_names_tests_that_exist_or_why_there_are_none(fact: dict[str, Any]) -> None:
    assert fact["fact"].endswith(".")
    assert bool(fact.get("tests")) != bool(fact.get("not_used"))
    for named in fact.get("tests", []):
        file, _, name = named.partition("::")
        assert re.search(rf"^def {name}\(", (HERE / f"{file}.py").read_text(), re.MULTILINE), named
