"""A card number is refused in every parameter that would be sent, by the parameter's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.masking import masked
from target_stripe_flow.results.outcome import Rejected

Json = dict[str, Any]  # Any: JSON

SPELLINGS: tuple[object, ...] = (
    *("4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "4242_4242_4242_4242", "4242.4242.4242.4242"),
    *(
        "4242/4242/4242/4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "42\u200b42" * 4,
        "\uff14\uff12" * 8,
        "\u0664\u0662" * 8,
    ),
    *("Ann's card 4242 4242 4242 4242, 12/29", 4242424242424242),
)


def parameters(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every parameter of a schema that is no object, by its path; `0` is an entry of a list, `k` one of metadata."""
    for name, inner in schema.get("properties", {}).items():
        yield from of(inner, f"{path}{name}")


def of(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    if "properties" in schema:
        yield from parameters(schema, f"{path}.")
    elif schema["type"] == "object":
        yield f"{path}.k", {"type": "string"}
    elif "items" in schema:
        yield from of(schema["items"], f"{path}.0")
    else:
        yield path, schema


def nested(path: str, value: object) -> Any:  # Any: JSON
    first, _, rest = path.partition(".")
    inner = nested(rest, value) if rest else value
    return [inner] if first == "0" else {first: inner}


FIELDS = [
    (action, path)
    for action, spec in ACTIONS.items()
    for path, schema in parameters(spec.schema())
    if path not in spec.references and "boolean" not in schema["type"]
]


@pytest.mark.promise("target 14", "A card number is refused in every parameter, by its name")
@pytest.mark.parametrize(("action", "path"), FIELDS)
def test_every_parameter_is_looked_through(action: str, path: str) -> None:
    checker = RecordChecker(ACTIONS[action])
    for value in SPELLINGS:
        picked = checker.pick(nested(path, value))

        with pytest.raises(Rejected) as caught:
            checker.check(picked)

        assert (caught.value.field, str(caught.value)[:30]) == (path, "looks like a card number, and ")
        assert "[card number]" in str(masked(picked)), "what is refused is masked"


@pytest.mark.parametrize("spelling", [value for value in SPELLINGS if isinstance(value, str)])
@pytest.mark.parametrize("where", ["metadata", "product_data.metadata"])
def test_a_name_in_metadata_is_looked_at_too(where: str, spelling: str) -> None:
    checker = RecordChecker(ACTIONS["prices"])
    picked = checker.pick(nested(where, {spelling: "x"}))

    with pytest.raises(Rejected, match="card number") as caught:
        checker.check(picked)

    assert caught.value.field == where


@pytest.mark.parametrize(
    ("action", "record"),
    [
        (
            "charges",
            {"amount": 42424242, "currency": "usd", "source": "card_1N4", "customer": "4242424242424242"},
        ),
        ("refunds", {"amount": 501800000009, "charge": "4242424242424242"}),
        ("refunds", {"charge": "ch_4242424242424242", "metadata": {"of": "ch_4242424242424242"}, "amount": 1}),
        ("customers", {"phone": "+49 170 12345677", "metadata": {"ms": "1790000000123", "ean": "4006381333931"}}),
        ("customers", {"metadata": {"trick": "4242x424242424242"}}),
        ("prices", {"currency": "usd", "unit_amount_decimal": "4242.424242424242", "product": 4242424242424242}),
    ],
)
def test_amounts_keys_ids_and_telephones_pass(action: str, record: Json) -> None:
    checker = RecordChecker(ACTIONS[action])

    checker.check(checker.pick(record))
