"""Every setting of the registry: a wrong value is named, and a misspelled name gets a suggestion."""

from __future__ import annotations

import copy
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
# Each value is of a wrong type, and no message shows it.
VALUES: dict[str, object] = {"array": {"canary": 1}, "object": 4242, "string": ["canary"]}
WRONG: dict[str, object] = {**VALUES, "boolean": "canary", "integer": "canary", "number": "canary"}


TEXTS: dict[str, tuple[str, object]] = {"boolean": ("False", False), "number": ("5", 5.0)}


def of_both() -> Iterator[tuple[str, str, Message]]:
    """Every setting, the SDK's included."""
    for plugin in PLUGINS:
        known: Message = copy.deepcopy(dict(TYPES[plugin].config_jsonschema))
        TYPES[plugin].append_builtin_config(known)
        yield from ((plugin, name, schema) for name, schema in known["properties"].items())


def kind_of(schema: Message) -> str:
    kinds = schema["type"]
    return str(kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null"))


def beyond(schema: Message) -> Iterator[tuple[str, object]]:
    """Each limit of the setting in words, and a value beyond it."""
    limits = {"minimum": (-1, "at least"), "exclusiveMinimum": (0, "more than"), "maximum": (1, "at most")}
    for rule, (step, words) in limits.items():
        if rule in schema:
            yield f"{words} {schema[rule]}", schema[rule] + step


@pytest.mark.parametrize(
    ("plugin", "name", "kind"),
    [(plugin, name, kind_of(schema)) for plugin, name, schema in of_both() if kind_of(schema) in TEXTS],
)
def test_the_text_that_meltano_passes_for_a_number_or_a_boolean_is_that_value(
    plugin: str, name: str, kind: str
) -> None:
    text, value = TEXTS[kind]

    made = TYPES[plugin](config=a_config("http://127.0.0.1:9", api_key="x") | {name: text})

    assert made.config[name] == value


@pytest.fixture(scope="module", params=REGISTRY, ids=[f"{plugin}-{name}" for plugin, name, _ in REGISTRY])
def setting(request: pytest.FixtureRequest) -> tuple[str, str, Message]:
    plugin_name_schema: tuple[str, str, Message] = request.param
    return plugin_name_schema


def refusal(plugin: str, settings: Message) -> str:
    """The message of the plugin about these settings."""
    with pytest.raises(Misconfigured) as raised:
        TYPES[plugin](config=a_config("http://127.0.0.1:9", api_key="x") | settings)
    message = str(raised.value)
    assert_clean(message)
    assert "\n" not in message
    return message


def test_a_value_of_another_type_is_named_by_both_types(setting: tuple[str, str, Message]) -> None:
    plugin, name, schema = setting

    message = refusal(plugin, {name: WRONG[kind_of(schema)]})

    kind = {dict: "object", list: "array", str: "string", int: "integer"}[type(WRONG[kind_of(schema)])]
    assert_says(rf"setting {name} must be of type {kind_of(schema)}.*, not {kind}", message)


def test_a_misspelled_name_is_named_with_a_suggestion(setting: tuple[str, str, Message]) -> None:
    plugin, name, _ = setting
    typo = f"{name[:-2]}{name[-1]}{name[-2]}"  # the last two letters are swapped

    assert_says(rf"setting {typo} is unknown: did you mean {name}\?", refusal(plugin, {typo: "canary"}))


LIMITED = [(plugin, name, *each) for plugin, name, schema in REGISTRY for each in beyond(schema)]


@pytest.mark.parametrize(("plugin", "name", "limit", "value"), LIMITED)
def test_a_number_out_of_range_is_named_with_its_limit(plugin: str, name: str, limit: str, value: object) -> None:
    assert_says(f"setting {name} must be {limit}", refusal(plugin, {name: value}))


CHOICES = [(p, name, choice) for p, name, schema in REGISTRY for choice in schema.get("enum", ())]


@pytest.mark.parametrize(("plugin", "name", "choice"), CHOICES)
def test_a_misspelled_choice_is_named_with_a_suggestion(plugin: str, name: str, choice: str) -> None:
    message = refusal(plugin, {name: f"{choice}x"})

    assert_says(rf"setting {name} must be one of .*{choice}.* \(did you mean {choice}\?\)$", message)
    assert f"{choice}x" not in message


ITEMS = [(plugin, name) for plugin, name, schema in REGISTRY if kind_of(schema) == "array"]


@pytest.mark.parametrize(("plugin", "name"), ITEMS)
def test_an_item_of_another_type_is_named_by_its_position(plugin: str, name: str) -> None:
    assert_says(rf"setting {name}\.1 must be of type string, not int", refusal(plugin, {name: ["a", 3]}))


def test_the_registry_has_limits_choices_and_items() -> None:
    assert len(LIMITED) > 15
    assert len(CHOICES) > 10
    assert ITEMS


@pytest.mark.parametrize("plugin", PLUGINS)
def test_all_wrong_settings_are_named_in_one_line_and_exit_1(plugin: str, tmp_path: Path) -> None:
    wrong = {name: WRONG[kind_of(schema)] for each, name, schema in REGISTRY if each == plugin}

    done = run(command(plugin, tmp_path, wrong), tmp_path, LOGLEVEL="DEBUG")

    assert (done.code, len(done.errors)) == (1, 1)
    assert set(re.findall(r"setting (\w+) must be", done.errors[0])) == set(wrong)
    assert_clean(done.log + done.output)


NOT_TEXTS = [(plugin, name, kind_of(schema)) for plugin, name, schema in REGISTRY if kind_of(schema) != "string"]


@pytest.mark.parametrize(("plugin", "name", "kind"), NOT_TEXTS)
def test_a_wrong_variable_is_named(plugin: str, name: str, kind: str, tmp_path: Path) -> None:
    variable = f"{plugin.upper()}_{name.upper()}"

    done = run([sys.executable, "-m", plugin, "--config", "ENV"], tmp_path, **{variable: "canary"})

    expected = "true or false" if kind == "boolean" else f"JSON: {kind}"
    assert (done.code, done.errors) == (1, [f"Error: the environment variable {variable} must be {expected}"])
    assert_clean(done.log + done.output)


@pytest.mark.parametrize("written", ["true", "FALSE", "1", "0", "yes", "No", "on", "off", ""])
def test_a_variable_may_write_true_and_false_in_many_ways(written: str, tmp_path: Path) -> None:
    variables = {"TAP_STRIPE_FLOW_API_KEY": KEY, "TAP_STRIPE_FLOW_FLATTENING_ENABLED": written}

    done = run([sys.executable, "-m", "tap_stripe_flow", "--config", "ENV", "--discover"], tmp_path, **variables)

    assert done.code == 0
