"""Over the registry of settings: each that is wrong is named, and so is what was meant; a new one is held to it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stripe_flow.api.errors import Misconfigured
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.target import TargetStripeFlow
from tests.messages.saying import KEY, PLUGINS, assert_clean, assert_says
from tests.support.plugins import Message, a_config, command, run

TYPES = {"tap_stripe_flow": TapStripeFlow, "target_stripe_flow": TargetStripeFlow}
REGISTRY = [
    (plugin, name, schema)
    for plugin in PLUGINS
    for name, schema in TYPES[plugin].config_jsonschema["properties"].items()
]
# None of them has another type's value, and none is shown.
VALUES: dict[str, object] = {"array": {"canary": 1}, "object": 4242, "string": ["canary"]}
WRONG: dict[str, object] = {**VALUES, "boolean": "canary", "integer": "canary", "number": "canary"}


def kind_of(schema: Message) -> str:
    kinds = schema["type"]
    return str(kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null"))


def beyond(schema: Message) -> Iterator[tuple[str, object]]:
    """Each of its limits in words, and a value beyond it."""
    limits = {"minimum": (-1, "at least"), "exclusiveMinimum": (0, "more than"), "maximum": (1, "at most")}
    for rule, (step, words) in limits.items():
        if rule in schema:
            yield f"{words} {schema[rule]}", schema[rule] + step


@pytest.fixture(scope="module", params=REGISTRY, ids=[f"{plugin}-{name}" for plugin, name, _ in REGISTRY])
def setting(request: pytest.FixtureRequest) -> tuple[str, str, Message]:
    found: tuple[str, str, Message] = request.param
    return found


def refusal(plugin: str, settings: Message) -> str:
    """What the plugin says to them."""
    with pytest.raises(Misconfigured) as raised:
        TYPES[plugin](config=a_config("http://127.0.0.1:9", api_key="x") | settings)
    said = str(raised.value)
    assert_clean(said)
    assert "\n" not in said
    return said


def test_a_value_of_another_type_is_told_by_the_types(setting: tuple[str, str, Message]) -> None:
    plugin, name, schema = setting

    said = refusal(plugin, {name: WRONG[kind_of(schema)]})

    given = {dict: "object", list: "array", str: "string", int: "integer"}[type(WRONG[kind_of(schema)])]
    assert_says(rf"setting {name} must be of type {kind_of(schema)}.*, not {given}", said)


def test_a_name_with_a_slip_is_told_with_the_name_that_was_meant(setting: tuple[str, str, Message]) -> None:
    plugin, name, _ = setting
    slip = f"{name[:-2]}{name[-1]}{name[-2]}"  # the last two letters change places

    assert_says(rf"setting {slip} is unknown: did you mean {name}\?", refusal(plugin, {slip: "canary"}))


LIMITED = [(plugin, name, *each) for plugin, name, schema in REGISTRY for each in beyond(schema)]


@pytest.mark.parametrize(("plugin", "name", "limit", "value"), LIMITED)
def test_a_number_out_of_range_is_told_with_its_limit(plugin: str, name: str, limit: str, value: object) -> None:
    assert_says(f"setting {name} must be {limit}", refusal(plugin, {name: value}))


CHOICES = [(p, name, choice) for p, name, schema in REGISTRY for choice in schema.get("enum", ())]


@pytest.mark.parametrize(("plugin", "name", "choice"), CHOICES)
def test_a_choice_with_a_slip_is_told_with_the_choice_that_was_meant(plugin: str, name: str, choice: str) -> None:
    said = refusal(plugin, {name: f"{choice}x"})

    assert_says(rf"setting {name} must be one of .*{choice}.* \(did you mean {choice}\?\)$", said)
    assert f"{choice}x" not in said


ITEMS = [(plugin, name) for plugin, name, schema in REGISTRY if kind_of(schema) == "array"]


@pytest.mark.parametrize(("plugin", "name"), ITEMS)
def test_an_item_of_another_type_is_told_by_its_place(plugin: str, name: str) -> None:
    assert_says(rf"setting {name}\.1 must be of type string, not int", refusal(plugin, {name: ["a", 3]}))


def test_there_are_limits_choices_and_items_at_all() -> None:
    assert len(LIMITED) > 15
    assert len(CHOICES) > 10
    assert ITEMS


@pytest.mark.parametrize("plugin", PLUGINS)
def test_all_that_is_wrong_is_told_in_one_line_and_exit_1(plugin: str, tmp_path: Path) -> None:
    wrong = {name: WRONG[kind_of(schema)] for each, name, schema in REGISTRY if each == plugin}

    done = run(command(plugin, tmp_path, wrong), tmp_path, LOGLEVEL="DEBUG")

    assert (done.code, len(done.errors)) == (1, 1)
    assert set(re.findall(r"setting (\w+) must be", done.errors[0])) == set(wrong)
    assert_clean(done.log + done.output)


NOT_TEXTS = [(plugin, name, kind_of(schema)) for plugin, name, schema in REGISTRY if kind_of(schema) != "string"]


@pytest.mark.parametrize(("plugin", "name", "kind"), NOT_TEXTS)
def test_a_variable_that_is_wrong_is_told_by_its_name(plugin: str, name: str, kind: str, tmp_path: Path) -> None:
    variable = f"{plugin.upper()}_{name.upper()}"

    done = run([sys.executable, "-m", plugin, "--config", "ENV"], tmp_path, **{variable: "canary"})

    expected = "true or false" if kind == "boolean" else f"JSON: {kind}"
    assert (done.code, done.errors) == (1, [f"Error: the environment variable {variable} must be {expected}"])
    assert_clean(done.log + done.output)


@pytest.mark.parametrize("written", ["true", "FALSE", "1", "0", "yes", "No", "on", "off", ""])
def test_a_variable_may_say_yes_and_no_in_many_words(written: str, tmp_path: Path) -> None:
    given = {"TAP_STRIPE_FLOW_API_KEY": KEY, "TAP_STRIPE_FLOW_FLATTENING_ENABLED": written}

    done = run([sys.executable, "-m", "tap_stripe_flow", "--config", "ENV", "--discover"], tmp_path, **given)

    assert done.code == 0
