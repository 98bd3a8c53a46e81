"""The schemas of the actions are Stripe's description of its calls, but for a table of differences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from scripts import action_rules as ours
from scripts.action_schemas import CALLS
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.outcome import Rejected

Json = Mapping[str, Any]  # Any: JSON


def described(tree: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every parameter of a call with its path, at every depth; `[]` is an entry of a list, `{}` of free keys."""
    for name, fact in tree.items():
        yield from _described(fact, path + name)


def _described(fact: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, fact
    yield from described(fact.get("nested", {}), f"{path}.")
    for inside, mark in (("items", "[]"), ("map", "{}")):
        if inside in fact:
            yield from _described(fact[inside], path + mark)


def rules(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every parameter of a schema with its path, in the same way."""
    for name, inner in schema.get("properties", {}).items():
        yield from _rules(inner, path + name)


def _rules(inner: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, inner
    yield from rules(inner, f"{path}.")
    for inside, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if inside in inner and inner[inside]["type"] != "null":
            yield from _rules(inner[inside], path + mark)


SCHEMAS: dict[str, Any] = {action: spec.schema() for action, spec in ACTIONS.items()}  # Any: JSON schema
RULES = {action: {"": SCHEMAS[action], **dict(rules(SCHEMAS[action]))} for action in ACTIONS}
CREATES = {action: dict(described(CALLS[action]["create"])) for action in ACTIONS}
ALL_UPDATES = {action: dict(described(CALLS[action]["update"])) for action in ACTIONS}
UPDATES = {action: ALL_UPDATES[action] if spec.is_changeable else {} for action, spec in ACTIONS.items()}
EVERY_ACTION = pytest.mark.parametrize("action", ACTIONS)
# Every parameter that both have. What lies inside metadata is Stripe's rule for all metadata.
EVERY_PARAMETER = pytest.mark.parametrize(
    ("action", "path"),
    [
        (action, path)
        for action in ACTIONS
        for path in RULES[action]
        if path in {**CREATES[action], **UPDATES[action]} and not path.endswith("metadata{}")
    ],
)


def facts(action: str, path: str) -> tuple[Json, Json]:
    """What Stripe says of a parameter, for a creation and an update; empty if the call does not take it."""
    return CREATES[action].get(path, {}), UPDATES[action].get(path, {})


def has(action: str, path: str, kind: str) -> bool:
    return (action, path, kind) in ours.DIFFERENCES


def strings(rule: Json) -> set[str]:
    """The words that a schema lists; `inf` beside whole numbers is a pattern."""
    if word := re.fullmatch(r"\^([a-z]+)\(\?!\\n\)\$", rule.get("pattern", "")):
        return {word[1]}
    return {value for value in rule.get("enum", ()) if value not in (None, "")}


@EVERY_ACTION
def test_each_parameter_is_in_both_or_in_the_table(action: str) -> None:
    known = CREATES[action] | UPDATES[action]
    added = {path for path in RULES[action] if path and path not in known}
    left_out = {path for path in known if path not in RULES[action]}

    assert added == {path for name, path, kind in ours.DIFFERENCES if (name, kind) == (action, ours.ADDED)}
    assert left_out == {path for name, path, kind in ours.DIFFERENCES if (name, kind) == (action, ours.LEFT_OUT)}


@pytest.mark.promise("stripe", "Parameters have Stripe's types, values and lengths, but for a table of differences")
@EVERY_PARAMETER
def test_a_parameter_has_stripes_type_values_and_length(action: str, path: str) -> None:
    rule, (created, updated) = RULES[action][path], facts(action, path)
    fact = created or updated
    types = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]

    assert [kind for kind in types if kind != "null"] == (
        [fact["type"]] if isinstance(fact["type"], str) else fact["type"]
    )
    assert strings(rule) == {*created.get("enum", ()), *updated.get("enum", ())}
    assert rule.get("maxItems") == fact.get("max_items")
    assert (rule.get("maxLength") != fact.get("max_length")) == has(action, path, ours.LENGTH)


@EVERY_PARAMETER
def test_a_parameter_takes_every_value_of_its_type_unless_the_table_says_so(action: str, path: str) -> None:
    rule, (created, updated) = RULES[action][path], facts(action, path)
    narrower = {"minimum", "maximum", "minLength", "not", "propertyNames"} & set(rule)
    is_listed = "decimal" in (created or updated) or strings(rule)
    is_metadata = path.endswith("metadata")

    assert (bool(narrower) or ("pattern" in rule and not is_listed)) == (is_metadata or has(action, path, ours.VALUES))


@EVERY_PARAMETER
def test_a_parameter_is_required_where_stripe_requires_it(action: str, path: str) -> None:
    created, updated = facts(action, path)
    outer, _, name = path.rpartition(".")
    is_required = name in RULES[action][outer].get("required", ())

    assert is_required == (bool((created or updated).get("required")) or has(action, path, ours.REQUIRED))
    is_looser_later = is_required and bool(updated) and not updated.get("required") and bool(created.get("required"))
    assert is_looser_later == has(action, path, ours.ALWAYS_REQUIRED)


@pytest.mark.promise("stripe", "Creations and updates send and empty the parameters that Stripe's calls take")
@EVERY_PARAMETER
def test_a_parameter_is_sent_and_emptied_by_the_calls_that_take_it(action: str, path: str) -> None:
    rule, (created, updated) = RULES[action][path], facts(action, path)
    is_left_out = has(action, path, ours.NO_UPDATE)
    is_created_only = ACTIONS[action].is_changeable and "." not in path and "[" not in path and not updated
    later = set(updated.get("enum", ())) - set(created.get("enum", ())) if created else set()

    assert bool(rule.get("x-update-only")) == (not created)
    assert bool(rule.get("x-create-only")) == (is_left_out or is_created_only)
    assert set(rule.get("x-update-values", ())) == later
    empties = bool(updated.get("accepts_empty_string")) and not is_left_out
    assert bool(rule.get("x-unset")) == (empties or has(action, path, ours.EMPTIES))
    assert not (empties and has(action, path, ours.EMPTIES))
    assert "enum" not in rule or ("" in rule["enum"]) == bool((created or updated).get("accepts_empty_string"))


@EVERY_ACTION
def test_other_differences_are_in_the_table(action: str) -> None:
    rule = SCHEMAS[action]

    assert bool({"anyOf", "allOf"} & set(rule)) == has(action, "", ours.TOGETHER)
    assert (ALL_UPDATES[action] != UPDATES[action]) == has(action, "", ours.NO_UPDATE)


def test_the_table_names_parameters_and_has_reasons() -> None:
    assert {path for action, path, _ in ours.DIFFERENCES if path not in RULES[action]} == {"id"}
    assert all(ours.DIFFERENCES.values())


# ---- what the records see of it

# A record that passes, with a value at each path; the objects on the way are complete.
BASE: dict[str, dict[str, Any]] = {
    "customers": {},
    "products": {"name": "A"},
    "prices": {"currency": "usd", "product": "p"},
    "charges": {"amount": 100, "currency": "usd", "source": "tok_visa"},
    "refunds": {"amount": 1, "charge": "ch_1"},
}
SAMPLES: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "object": {}, "array": []}


def sample(rule: Json) -> Any:  # Any: JSON
    kind = rule["type"] if isinstance(rule["type"], str) else rule["type"][0]
    if kind == "object":
        return {name: sample(rule["properties"][name]) for name in rule.get("required", ())}
    if kind == "string" and "enum" in rule:
        return rule["enum"][0]
    return "usd" if kind == "string" and "currenc" in str(rule) else SAMPLES.get(kind, "1")


def record_with(action: str, path: str, value: Any) -> dict[str, Any]:  # Any: JSON
    """A valid record of an action, with this value at this path."""
    steps = [step for step in re.split(r"\.|(?=\[\])|(?=\{\})", path) if step]
    record: dict[str, Any] = _with(BASE[action], SCHEMAS[action], steps, value)
    return record


def _with(base: Any, rule: Json, steps: list[str], value: Any) -> Any:  # Any: JSON
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step == "[]":
        return [_with(sample(rule["items"]), rule["items"], rest, value)]
    if step == "{}":
        return {"eur": _with(sample(rule["additionalProperties"]), rule["additionalProperties"], rest, value)}
    inner = rule["properties"][step]
    return {**base, step: _with(sample(inner), inner, rest, value)}


def shown(path: str) -> str:
    """The path as a reject names it."""
    return path.replace("[]", ".0").replace("{}", ".eur")


def refusal(action: str, record: dict[str, Any]) -> Rejected | None:
    checker = RecordChecker(ACTIONS[action])
    try:
        checker.check(checker.pick(record))
    except Rejected as rejected:
        return rejected
    return None


LISTED = [(action, path) for action in ACTIONS for path, rule in RULES[action].items() if strings(rule)]
LIMITED = [
    (action, path)
    for action in ACTIONS
    for path, rule in RULES[action].items()
    if "maxLength" in rule and "pattern" not in rule and not path.endswith("metadata{}")
]
COUNTED = [(action, path) for action in ACTIONS for path, rule in RULES[action].items() if "maxItems" in rule]


def test_every_list_of_stripes_is_closed() -> None:
    """Besides there are those inside `currency_options`, and `inf` of tiers."""
    counts = {action: [path for name, path in LISTED if name == action and "up_to" not in path] for action in ACTIONS}

    assert {action: len([path for path in paths if "{}" not in path]) for action, paths in counts.items()} == {
        "customers": 5,
        "products": 3,
        "prices": 6,
        "charges": 0,
        "refunds": 2,
    }


@pytest.mark.parametrize(("action", "path"), LISTED)
def test_each_value_of_a_list_passes_and_another_is_rejected_with_the_list(action: str, path: str) -> None:
    known = sorted(strings(RULES[action][path]))

    assert [refusal(action, record_with(action, path, value)) for value in known] == [None] * len(known)
    for other in ("other", known[0].upper(), f" {known[0]}", f"{known[0]}\n"):
        rejected = refusal(action, record_with(action, path, other))
        assert rejected is not None
        assert rejected.field == shown(path)
        assert all(value in str(rejected) for value in known)
        assert "other" not in str(rejected)


@pytest.mark.parametrize(("action", "path"), LIMITED)
def test_a_text_of_stripes_length_passes_and_a_longer_one_is_rejected_by_its_length(action: str, path: str) -> None:
    most = RULES[action][path]["maxLength"]

    assert refusal(action, record_with(action, path, "x" * most)) is None
    rejected = refusal(action, record_with(action, path, "x" * (most + 1)))
    assert rejected is not None
    assert rejected.field == shown(path)


@pytest.mark.parametrize(("action", "path"), COUNTED)
def test_a_list_has_as_many_entries_as_stripe_takes(action: str, path: str) -> None:
    rule = RULES[action][path]
    entry = sample(rule["items"])

    assert refusal(action, record_with(action, path, [entry] * rule["maxItems"])) is None
    rejected = refusal(action, record_with(action, path, [entry] * (rule["maxItems"] + 1)))
    assert rejected is not None
    assert (rejected.field, str(rejected)) == (path, f"takes at most {rule['maxItems']} entries")


@pytest.mark.parametrize(
    ("prefix", "passes"),
    [
        *((prefix, True) for prefix in ("A", "7", "AB", "ABC123", "A1B2C3D4E5F6")),
        *((prefix, False) for prefix in ("", "ab", "A1B2C3D4E5F6G", "A-B", "Ä", "AB\n", " AB", "A B")),
    ],
)
def test_an_invoice_prefix_has_1_to_12_upper_case_letters_or_digits(prefix: str, *, passes: bool) -> None:
    rejected = refusal("customers", {"invoice_prefix": prefix})

    assert passes == (rejected is None)
    assert rejected is None or (rejected.field, "1 to 12" in str(rejected)) == ("invoice_prefix", True)


OPTIONS = [("prices", "currency_options"), ("products", "default_price_data.currency_options")]


@pytest.mark.parametrize(("action", "path"), OPTIONS)
@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"eur": {"unit_amount": 5, "tax_behavior": None, "tiers": None}, "jpy": None}, None),
        ({"EUR": {"custom_unit_amount": {"enabled": True, "preset": 5}}}, None),
        ({"eur": {"tiers": [{"up_to": "inf", "unit_amount_decimal": "0.5"}, {"up_to": 5, "flat_amount": 1}]}}, None),
        ({"eur": {"unit_amount": "5"}}, ".eur.unit_amount"),
        ({"eur": {"UNIT_AMOUNT": 5}}, ".eur.UNIT_AMOUNT"),
        ({"eur": {"tiers": [{"unit_amount": 5}]}}, ".eur.tiers.0.up_to"),
        ({"eur": {"tiers": [{"up_to": None}]}}, ".eur.tiers.0.up_to"),
        ({"eur": {"custom_unit_amount": {}}}, ".eur.custom_unit_amount.enabled"),
        ({"eur": 5}, ".eur"),
        ({"euro": {}}, ""),
        ({"a[b]": {}}, ""),
    ],
)
def test_the_options_of_a_price_by_currency_are_checked(
    action: str, path: str, options: dict[str, Any], field: str | None
) -> None:
    rejected = refusal(action, record_with(action, path, options))

    assert (rejected and rejected.field) == (None if field is None else path + field)
