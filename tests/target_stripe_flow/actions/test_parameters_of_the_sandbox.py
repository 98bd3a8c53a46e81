"""The sandbox's calls take every value, length and number of entries that the schemas take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stripe_flow.api import forms
from stripe_flow_sandbox.parameters.form import parse
from stripe_flow_sandbox.parameters.params import check
from stripe_flow_sandbox.service.operations import OPERATIONS
from target_stripe_flow.actions.table import ACTIONS
from tests.target_stripe_flow.actions.test_description import (
    CREATES,
    LIMITED,
    LISTED,
    RULES,
    SCHEMAS,
    UPDATES,
    record_with,
    strings,
)

PATHS = {"create": "/v1/{}", "update": "/v1/{}/{{id}}"}
CALLS = {"create": CREATES, "update": UPDATES}


def records(action: str, call: str) -> Iterator[dict[str, Any]]:
    """Records with one parameter at its limit, or with one value of a list, that this call takes."""
    for path in (path for name, path in LIMITED if name == action and path in CALLS[call][action]):
        most = "x" * RULES[action][path]["maxLength"]
        yield record_with(action, path, f"{most[:-4]}@x.x" if "email" in path else most)
    for path in (path for name, path in LISTED if name == action and path in CALLS[call][action]):
        for value in strings(RULES[action][path]) & set(CALLS[call][action][path]["enum"]):
            yield record_with(action, path, value)


@pytest.mark.parametrize(
    ("action", "call"), [(action, call) for call in CALLS for action in ACTIONS if CALLS[call][action]]
)
def test_the_sandbox_takes_what_a_schema_takes(action: str, call: str) -> None:
    accepted = next(
        each.params for each in OPERATIONS if (each.method, each.path) == ("POST", PATHS[call].format(action))
    )
    tops = SCHEMAS[action]["properties"]
    unsent = "x-create-only" if call == "update" else "x-update-only"
    count = 0

    for record in records(action, call):
        sent = {name: value for name, value in record.items() if unsent not in tops[name]}
        check(parse(forms.encode(sent).encode()), accepted)  # raises Refusal
        count += 1

    assert count > (0 if action == "charges" else 3)


@pytest.mark.parametrize(("action", "call"), [(action, "update") for action in ACTIONS if UPDATES[action]])
def test_the_sandbox_lets_an_update_empty_what_a_schema_empties(action: str, call: str) -> None:
    accepted = next(
        each.params for each in OPERATIONS if (each.method, each.path) == ("POST", PATHS[call].format(action))
    )

    for path in (path for path, rule in RULES[action].items() if rule.get("x-unset")):
        name, *inner = path.split(".")
        emptied = f"{name}{''.join(f'[{each}]' for each in inner)}="
        found: Any = check(parse(emptied.encode()), accepted)
        for step in (name, *inner):
            found = found[step]
        assert found is None
