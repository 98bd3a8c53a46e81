"""Metadata takes numbers and booleans as their JSON text; its names follow one rule, for null as for text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions import fingerprint
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.outcome import Rejected
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.actions.near import PARAMETERS, at, shown
from tests.target_stripe_flow.actions.test_guards import objection
from tests.target_stripe_flow.actions.test_validation import VALID

# At any depth: of a price also that of its product.
METADATA = [(action, path) for action, path in PARAMETERS if path[-1] == "metadata"]
EVERY_METADATA = pytest.mark.parametrize(("action", "path"), METADATA, ids=shown)
AS_TEXT: list[tuple[object, str]] = [
    (5, "5"),
    (0, "0"),
    (-7, "-7"),
    (True, "true"),
    (False, "false"),
    (1250.0, "1250.0"),
    (0.1, "0.1"),
    (1e22, "1e+22"),
    (10**30, "1" + "0" * 30),
    (10**499, "1" + "0" * 499),
    ("5", "5"),
    ("", ""),
    ("null", "null"),
]
WRONG_NAMES = ["a][b", "a[b]", "[", "x" * 41, "", "\ud800"]


@EVERY_METADATA
@pytest.mark.parametrize(("value", "text"), AS_TEXT, ids=lambda value: repr(value)[:20])
def test_a_number_or_boolean_is_sent_as_its_json_text(
    action: str, path: tuple[str, ...], value: object, text: str
) -> None:
    checker = RecordChecker(ACTIONS[action])

    picked = checker.pick(at(path, {"k": value, "none": None}))

    assert picked == at(path, {"k": text})
    assert fingerprint.digest(picked) == fingerprint.digest(checker.pick(at(path, {"k": text})))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "value",
    [10**500, -(10**4000), float("inf"), float("nan"), [1], {"a": 1}, {}, []],
    ids=lambda value: type(value).__name__,
)
def test_any_other_value_is_rejected_by_its_name(action: str, value: object) -> None:
    checker = RecordChecker(ACTIONS[action])

    with pytest.raises(Rejected, match="must be text, a number, true or false") as caught:
        checker.check(checker.pick(VALID[action] | {"metadata": {"k": value}}))

    assert caught.value.field == "metadata.k"


@EVERY_METADATA
@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_name_is_rejected_for_null_as_for_text(action: str, path: tuple[str, ...], name: str) -> None:
    rejected = objection(action, {"amount": 5, **at(path, {name: None, "k": "v"})})

    assert rejected is not None
    assert rejected.field == ".".join(path)
    assert objection(action, {"amount": 5, **at(path, {"a b": None, "Email": None, "x" * 40: None})}) is None


def send(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


@pytest.mark.promise(
    "target 8",
    "A metadata name that Stripe does not take rejects the record, also if its value is null",
)
@pytest.mark.parametrize("settings", [{}, {"on_change": "update"}, {"dry_run": True, "on_change": "update"}])
@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if spec.is_changeable])
def test_a_wrong_name_that_is_null_never_reaches_stripe(
    action: str, settings: dict[str, object], sandbox: Sandbox, tmp_path: Path
) -> None:
    first = send(sandbox, tmp_path, a_schema(action), a_record(action, id=1, name="Ann", metadata={"a": "1"}))
    sent = len(sandbox.requests())

    wrong = [a_record(action, id=1, name="Ann", metadata={name: None}) for name in WRONG_NAMES[:-1]]
    half = json.dumps(a_record(action, id=1, name="Ann", metadata={"\ud800": None})).encode() + b"\n"
    done = send(sandbox, tmp_path, a_schema(action), *wrong, half, **settings)  # type: ignore[arg-type]  # bytes

    assert first.summary == "1 records: 1 created"
    assert done.summary.startswith(f"{len(WRONG_NAMES)} records: {len(WRONG_NAMES)} rejected")
    assert [each for each in sandbox.requests()[sent:] if each["method"] == "POST"] == []


@pytest.mark.promise(
    "target 8",
    "Numbers and booleans in metadata are sent as their JSON text, and equal that text in an earlier record",
)
def test_numbers_are_the_texts_that_were_sent_before(sandbox: Sandbox, tmp_path: Path) -> None:
    texts = {"seats": "5", "trial": "true", "rate": "0.5", "old": "x"}
    numbers: dict[str, Any] = {"seats": 5, "trial": True, "rate": 0.5, "old": "x"}
    rows = [a_schema("customers"), a_record("customers", id=1, metadata=texts)]

    send(sandbox, tmp_path, *rows)
    again = send(sandbox, tmp_path, a_schema("customers"), a_record("customers", id=1, metadata=numbers))
    emptied = numbers | {"old": None}
    changed = send(
        sandbox, tmp_path, a_schema("customers"), a_record("customers", id=1, metadata=emptied), on_change="update"
    )

    [customer] = sandbox.objects("customer")
    assert again.summary == "1 records: 1 unchanged"
    assert changed.summary == "1 records: 1 updated"
    assert {name: value for name, value in customer["metadata"].items() if name != "stripe_flow"} == {
        "seats": "5",
        "trial": "true",
        "rate": "0.5",
    }
