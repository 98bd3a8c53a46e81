"""What the schemas accept: the rules that all actions share, over the registry; then those of single actions."""

from __future__ import annotations

from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.outcome import Rejected
from tests.target_stripe_flow.generated import collected, valid

CHARGE: dict[str, Any] = {"amount": 100, "currency": "usd", "source": "tok_visa"}
ADDRESS = {"line1": "1 Main Street"}
SCHEMAS: dict[str, Any] = {action: spec.schema() for action, spec in ACTIONS.items()}  # Any: JSON schema
# A valid record of each action. A generated refund names no charge.
VALID = {
    action: collected(valid(action), 1)[0] | ({"charge": "ch_1"} if action == "refunds" else {}) for action in ACTIONS
}
EVERY_ACTION = pytest.mark.parametrize("action", ACTIONS)


def parameters(rule: str) -> list[tuple[str, str]]:
    """Every action and parameter whose schema has this rule."""
    return [
        (action, name)
        for action, schema in SCHEMAS.items()
        for name, each in schema["properties"].items()
        if rule in each
    ]


def with_parameter(name: str) -> pytest.MarkDecorator:
    """Every action that takes this parameter."""
    return pytest.mark.parametrize("action", [action for action in ACTIONS if name in SCHEMAS[action]["properties"]])


def check(action: str, **record: object) -> dict[str, Any]:
    return checked(RecordChecker(ACTIONS[action]), record)


def checked(checker: RecordChecker, record: dict[str, Any]) -> dict[str, Any]:
    """What is sent of a record that passes."""
    picked = checker.pick(record)
    checker.check(picked)
    return picked


@EVERY_ACTION
@pytest.mark.parametrize(
    ("metadata", "field", "reason"),
    [
        ({"k": "x" * 501}, "metadata.k", "takes at most 500 characters, as every value"),
        ({"k": 10**500}, "metadata.k", "must be text, a number, true or false"),
        ({"k": float("nan")}, "metadata.k", "must be text, a number, true or false"),
        ({"k": {}}, "metadata.k", "must be text, a number, true or false"),
        ({"k": [1]}, "metadata.k", "must be text, a number, true or false"),
        ({"a[b]": "x"}, "metadata", "names without brackets"),
        ({"": "x"}, "metadata", "no name without characters"),
        ({"x" * 41: "x"}, "metadata", "names of at most 40 characters"),
        ({f"k{number}": "x" for number in range(50)}, "metadata", "at most 49 keys"),
        ("x", "metadata", "^must be an object$"),
        ("", "metadata", "^must be an object$"),
        (5, "metadata", "^must be an object$"),
        (["x"], "metadata", "^must be an object$"),
    ],
)
def test_metadata_that_stripe_does_not_take_is_rejected(action: str, metadata: object, field: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as caught:
        check(action, **(VALID[action] | {"metadata": metadata}))

    assert caught.value.field == field


@pytest.mark.promise("target 6", "A record may have 49 keys of metadata; a marker in the record is replaced")
@EVERY_ACTION
@pytest.mark.parametrize("older", [{}, {"stripe_flow": "an older marker"}])
def test_49_keys_of_metadata_pass_and_an_incoming_marker_is_dropped(action: str, older: dict[str, str]) -> None:
    metadata = {f"k{number}": "x" for number in range(49)}

    assert check(action, **(VALID[action] | {"metadata": older | metadata}))["metadata"] == metadata


@pytest.mark.parametrize(
    ("action", "name"), [(action, name) for action, schema in SCHEMAS.items() for name in schema.get("required", ())]
)
@pytest.mark.parametrize("is_null", [False, True])
def test_a_required_parameter_that_is_missing_is_named(*, action: str, name: str, is_null: bool) -> None:
    record = {other: value for other, value in VALID[action].items() if other != name}

    with pytest.raises(Rejected, match="is required") as caught:
        check(action, **record, **({name: None} if is_null else {}))

    assert caught.value.field == name


@pytest.mark.parametrize("action", [action for action, schema in SCHEMAS.items() if "anyOf" in schema])
def test_a_record_without_any_of_several_required_parameters_names_the_first(action: str) -> None:
    names = [name for option in SCHEMAS[action]["anyOf"] for name in option["required"]]
    record = {name: value for name, value in VALID[action].items() if name not in names}

    with pytest.raises(Rejected, match=f"needs a {names[0]}") as caught:
        check(action, **record)

    assert caught.value.field == names[0]


@pytest.mark.parametrize(("action", "name"), parameters("x-lower"))
def test_a_currency_is_sent_in_lower_case(action: str, name: str) -> None:
    assert check(action, **(VALID[action] | {name: "USD"}))[name] == "usd"


@pytest.mark.parametrize(("action", "name"), parameters("x-lower"))
@pytest.mark.parametrize("value", ["dollars", "usd\n", 840])
def test_a_currency_that_is_not_a_code_is_rejected(action: str, name: str, value: object) -> None:
    with pytest.raises(Rejected, match="three-letter") as caught:
        check(action, **(VALID[action] | {name: value}))

    assert caught.value.field == name


@pytest.mark.parametrize(
    ("action", "name"), [(action, name) for action in ACTIONS for name in ACTIONS[action].references]
)
def test_a_reference_may_be_a_number(action: str, name: str) -> None:
    assert check(action, **(VALID[action] | {name: 7}))[name] == "7"


@EVERY_ACTION
def test_an_id_is_only_a_source_key(action: str) -> None:
    assert check(action, **(VALID[action] | {"id": "x_1"})) == check(action, **VALID[action])


@with_parameter("shipping")
@pytest.mark.parametrize(
    ("shipping", "field", "reason"),
    [
        ({"phone": "1"}, "shipping.address", "this rule is stripe-flow's, not Stripe's"),
        ({"name": "Ann"}, "shipping.address", "this rule is stripe-flow's"),
        ({"name": "Ann", "address": {"city": "X"}}, "shipping.address.line1", "this rule is stripe-flow's"),
        ({"name": "", "address": ADDRESS}, "shipping.name", "this rule is stripe-flow's"),
        ({"address": ADDRESS}, "shipping.name", "this rule is stripe-flow's"),
        ("home", "shipping", "must be an object"),
    ],
)
def test_shipping_without_name_and_first_address_line_is_rejected(
    action: str, shipping: object, field: str, reason: str
) -> None:
    with pytest.raises(Rejected, match=reason) as caught:
        check(action, **(VALID[action] | {"shipping": shipping}))

    assert caught.value.field == field


@with_parameter("shipping")
def test_shipping_with_name_and_first_address_line_passes(action: str) -> None:
    shipping = {"name": "Ann", "address": ADDRESS}

    assert check(action, **(VALID[action] | {"shipping": shipping}))["shipping"] == shipping


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"amount": 1.0}, "amount", "JSON integer in minor units"),
        ({"amount": 1.5}, "amount", "JSON integer in minor units"),
        ({"amount": True}, "amount", "JSON integer in minor units"),
        ({"amount": "100"}, "amount", "JSON integer in minor units"),
        ({"amount": 0}, "amount", "positive"),
        ({"amount": -5}, "amount", "positive"),
        ({"amount": 10**8}, "amount", "at most 8 digits"),
        ({"amount": 10**30}, "amount", "at most 8 digits"),
        ({"amount": float("nan")}, "amount", "JSON integer in minor units"),
        ({"amount": None}, "amount", "is required"),
        ({"amount": 10**12, "currency": "idr"}, "amount", "."),
        ({"amount": 101, "currency": "kwd"}, "amount", "last digit of amount must be 0"),
        ({"amount": 150, "currency": "ISK"}, "amount", "multiple of 100"),
        ({"source": None}, "source", "needs a source or a customer"),
        ({"customer": 7.5}, "customer", "must be text"),
        ({"description": "x" * 40_001}, "description", "at most 40000 characters"),
        ({"statement_descriptor": "x" * 23}, "statement_descriptor", "at most 22 characters"),
        ({"capture": "true"}, "capture", "must be a boolean"),
        ({"description": "\ud800"}, "description", "half of a surrogate pair"),
        ({"transfer_data": {"amount": 5}}, "transfer_data.destination", "is required"),
    ],
)
def test_an_invalid_charge_is_rejected_by_field(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as caught:
        check("charges", **(CHARGE | changes))

    assert caught.value.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 99_999_999},
        {"amount": 999_999_999_999, "currency": "idr"},
        {"amount": 110, "currency": "kwd"},
        {"amount": 200, "currency": "isk"},
        {"source": None, "customer": "cus_1"},
    ],
)
def test_a_charge_at_the_limit_passes(changes: dict[str, Any]) -> None:
    assert check("charges", **(CHARGE | changes))["amount"]


def test_nulls_and_objects_of_nulls_are_left_out() -> None:
    nothing = {"name": None, "address": {"line1": None, "city": None}}

    assert check("charges", **CHARGE, description=None, shipping=nothing, metadata={"a": None}) == CHARGE


def test_unknown_fields_are_dropped_and_collected_once() -> None:
    checker = RecordChecker(ACTIONS["customers"])

    record = {"id": "c-1", "name": "Ann", "shoe": 3, "address": {"line1": "x", "planet": "Earth"}}
    checked(checker, record)

    assert checked(checker, record) == {"name": "Ann", "address": {"line1": "x"}}
    assert checker.dropped == {"id", "shoe", "address.planet"}


@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if spec.is_changeable])
def test_customers_and_products_may_be_copied(action: str) -> None:
    assert check(action, object=action[:-1], name="Copy", livemode=False)["name"] == "Copy"


def test_dimensions_may_be_fractions() -> None:
    size = {"height": 1.5, "length": 2, "weight": 0.25, "width": 3}

    assert check("products", name="Box", package_dimensions=size)["package_dimensions"] == size


def test_an_infinite_dimension_is_rejected() -> None:
    size = {"height": float("inf"), "length": 2, "weight": 1, "width": 3}

    with pytest.raises(Rejected, match="finite") as caught:
        check("products", name="Box", package_dimensions=size)

    assert caught.value.field == "package_dimensions.height"


@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if spec.find_by])
def test_an_object_to_find_is_named_by_its_id(action: str) -> None:
    name, prefix = str(ACTIONS[action].find_by), ACTIONS[action].id_prefixes[0]

    assert check(action, **{name: f"{prefix}1"}) == {name: f"{prefix}1"}
    with pytest.raises(Rejected, match=f"{prefix}…"):
        check(action, **{name: "../charges"})


def test_a_reason_never_shows_the_value() -> None:
    for changes in (
        {"amount": "canary"},
        {"currency": "canary"},
        {"metadata": {"k": ["canary"]}},
        {"capture": "canary"},
    ):
        with pytest.raises(Rejected) as caught:
            check("charges", **(CHARGE | changes))

        assert "canary" not in str(caught.value)


@with_parameter("source")
@pytest.mark.parametrize(
    "written",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        " 4242424242424242",
        "4242424242424242 ",
        "4242424242424242\n",
        "\t 4242-4242-4242-4242 \n\n",
        "4242.4242.4242.4242.",
        "\u00a04242\u00a04242\u00a04242\u00a04242\ufeff",
        "4242_4242_4242_4242",
        "4242\u20134242\n4242, 4242",
        {"object": "card", "number": "4242424242424242"},
    ],
)
def test_a_card_number_in_any_format_is_rejected_as_a_source(action: str, written: object) -> None:
    with pytest.raises(Rejected, match="card number never") as caught:
        check(action, **(VALID[action] | {"source": written}))

    assert caught.value.field == "source"


@with_parameter("source")
@pytest.mark.parametrize("source", ["tok_visa", "src_123456789012345678901234", "card_1", "tok_4242424242424242"])
def test_a_token_is_accepted_as_a_source(action: str, source: str) -> None:
    assert check(action, **(VALID[action] | {"source": source}))["source"] == source
