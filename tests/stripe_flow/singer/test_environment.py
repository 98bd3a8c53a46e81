"""A variable that names a setting reaches the plugin, or the run reports that it did not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import singer_sdk
import yaml

from scripts.generate_docs import own
from stripe_flow.api.settings import SETTINGS as OF_BOTH
from stripe_flow.singer.environment import MUST_ARRIVE, explain_unread, find_prefixes, find_unread, meltano_kind
from tap_stripe_flow.tap import TapStripeFlow
from target_stripe_flow.target import TargetStripeFlow
from tests.support.plugins import REQUIRED, ROOT, Ended, a_config, a_record, a_schema, clean_env, command, run
from tests.support.sandbox import Sandbox

# Without the SDK's own: whether a plugin's schema has them depends on whether it was used in this process before.
SETTINGS: dict[str, dict[str, Any]] = {  # Any: JSON schema
    "tap_stripe_flow": OF_BOTH | own(TapStripeFlow),
    "target_stripe_flow": OF_BOTH | own(TargetStripeFlow),
}
MELTANO = {"tap_stripe_flow": "MELTANO_EXTRACTOR", "target_stripe_flow": "MELTANO_LOADER"}
EACH = [(plugin, name) for plugin, settings in SETTINGS.items() for name in settings]
ROW = "".join(
    json.dumps(each) + "\n" for each in (a_schema("customers"), a_record("customers", id=1, name="Ann"))
).encode()
# A value of each kind that no setting has by default.
CANARY = {"array": '["acct_canary"]', "object": '{"canary": 1}', "integer": "77", "string": "canary"}


def ended(plugin: str, folder: Path, url: str, environment: Mapping[str, str], **settings: object) -> Ended:
    return run(command(plugin, folder, a_config(url, **settings)), folder, ROW, **environment)


def named(plugin: str, name: str, value: str | None = None) -> dict[str, str]:
    return {f"{plugin.upper()}_{name.upper()}": value or canary(plugin, name)}


def canary(plugin: str, name: str) -> str:
    schema = SETTINGS[plugin][name]
    return "true" if schema.get("type") == "boolean" else CANARY[meltano_kind(schema)]


@pytest.mark.promise("target 11", "A variable of a setting reaches the plugin, or the run says so")
@pytest.mark.parametrize(("plugin", "name"), EACH)
def test_a_variable_that_did_not_arrive_is_reported(plugin: str, name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit 1 before the first request if the run would do something else, otherwise a warning."""
    environment = named(plugin, name, "123.5" if SETTINGS[plugin][name].get("type") == "number" else None)
    [(variable, value)] = environment.items()

    done = ended(plugin, tmp_path, sandbox.url, environment)

    lines = [line for line in done.log.splitlines() if variable in line]
    assert len(lines) == 1
    message = lines[0].split("|", 3)[3]
    assert f"write {name} into the file" in message
    assert value not in message.replace(variable, "").replace(name, "")
    if name in MUST_ARRIVE:
        assert (done.code, done.output, sandbox.requests()) == (1, "", [])
        assert "| ERROR " in lines[0]
    else:
        assert done.code == 0
        assert "| WARNING " in lines[0]


@pytest.mark.parametrize(("plugin", "name"), [each for each in EACH if each[1] in MUST_ARRIVE])
def test_under_meltano_the_message_has_the_line_that_declares_the_setting(
    plugin: str, name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    value = canary(plugin, name)
    environment = {f"SHOP__EU_{name.upper()}": value, f"{MELTANO[plugin]}_NAME": "shop--eu"}

    done = ended(plugin, tmp_path, sandbox.url, environment)

    [message] = done.errors
    declared = yaml.safe_load(message.split("`")[1])
    assert (done.code, sandbox.requests()) == (1, [])
    assert declared[0]["name"] == name
    assert "below `settings:` of shop in meltano.yml" in message


def test_every_setting_that_must_arrive_exists() -> None:
    assert {name for _, name in EACH} >= MUST_ARRIVE


def test_discovery_stops_if_a_setting_did_not_arrive(sandbox: Sandbox, tmp_path: Path) -> None:
    config = a_config(sandbox.url, discover_permitted_only=True)
    line = command("tap_stripe_flow", tmp_path, config, "--discover")

    done = run(line, tmp_path, TAP_STRIPE_FLOW_BASE_URL="http://127.0.0.1:9")

    assert (done.code, done.output, sandbox.requests()) == (1, "", [])


@pytest.mark.parametrize(("plugin", "name"), EACH)
def test_a_variable_that_arrived_or_is_empty_is_not_reported(plugin: str, name: str) -> None:
    """Also if the environment writes the value differently: `TRUE`, `20`, a list with other white space."""
    settings = SETTINGS[plugin]
    texts: Mapping[str, list[tuple[str, object]]] = {
        "boolean": [("TRUE", True), ("1", True), ("false", False), ("0", False), ("", True)],
        "number": [("2", 2.0), ("2.0", 2), ("2.50", 2.5)],
        "integer": [("20", 20)],
        "array": [('[ "a" ,"b"]', ["a", "b"]), ("[]", None), ("[]", [])],
        "object": [('{"a":  {"b": 1}}', {"a": {"b": 1}}), ("{}", None)],
        "string": [("x", "x"), (" x ", "x"), ("", "y")],
    }
    for text, value in texts[str(settings[name]["type"])]:
        variable = f"SHOP_{name.upper()}"

        assert not list(find_unread(settings, {name: value}, {variable: text}, ["SHOP_"])), text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ture", False),
        ("true", False),
        ("no", True),
        ("2", 3),
        ("two", 2),
        ('["a"]', ["b"]),
        ("[", ["a"]),
        ("x", None),
        ("0", None),
        ("false", None),
        ("null", 0),
        ("1" * 401, 2),
        ("[0.1]", ["x"]),
    ],
)
def test_a_variable_with_another_value_is_reported(text: str, value: object) -> None:
    unread = list(find_unread({"dry_run": {}}, {"dry_run": value}, {"SHOP_DRY_RUN": text}, ["SHOP_"]))

    assert unread == [("dry_run", "SHOP_DRY_RUN")]


EXTRAS = {"TAP__SELECT": "[]", "MELTANO_EXTRACT__SELECT": "[]", "TARGET__DIALECT": "x", "MELTANO_LOAD__DIALECT": "x"}


@pytest.mark.parametrize(
    ("meltano_variables", "environment", "prefixes"),
    [
        ("MELTANO_EXTRACTOR", {}, ["OWN_NAME_"]),
        (
            "MELTANO_EXTRACTOR",
            {"MELTANO_EXTRACTOR_NAME": "own-name", "MELTANO_EXTRACTOR_NAMESPACE": "own_name"},
            ["OWN_NAME_"],
        ),
        (
            "MELTANO_EXTRACTOR",
            {"MELTANO_EXTRACTOR_NAME": "shop", "MELTANO_EXTRACTOR_NAMESPACE": "ns"},
            ["SHOP_", "NS_"],
        ),
        ("MELTANO_LOADER", {"MELTANO_LOADER_NAME": "shop.eu"}, ["SHOP_EU_"]),
        ("MELTANO_LOADER", {"MELTANO_LOADER_NAME": "writer"} | EXTRAS, ["WRITER_", "TARGET_"]),
        ("MELTANO_EXTRACTOR", {"MELTANO_EXTRACTOR_NAME": "a--b", "A__B__SELECT": "[]"} | EXTRAS, ["A__B_", "TAP_"]),
        ("MELTANO_LOADER", {"MELTANO_EXTRACTOR_NAME": "tap"} | EXTRAS, ["OWN_NAME_"]),
    ],
)
def test_the_prefixes_are_those_that_meltano_reads(
    meltano_variables: str, environment: dict[str, str], prefixes: list[str]
) -> None:
    assert find_prefixes("own-name", meltano_variables, environment) == prefixes


def test_of_two_variables_the_one_of_the_nearer_plugin_counts() -> None:
    environment = {"SHOP__EU_BASE_URL": "https://eu", "SHOP_BASE_URL": "https://us"}
    prefixes = ["SHOP__EU_", "SHOP_"]

    assert not list(find_unread({"base_url": {}}, {"base_url": "https://eu"}, environment, prefixes))
    assert list(find_unread({"base_url": {}}, {"base_url": "https://us"}, environment, prefixes)) == [
        ("base_url", "SHOP__EU_BASE_URL")
    ]


def test_an_object_that_meltano_flattened_and_merged_has_arrived() -> None:
    value = {"charges": {"description": "__NULL__", "rate": Decimal("0.1")}, "refunds": {"x": "y"}}
    for text in (
        '{"charges.description": "__NULL__"}',
        '{"charges": {"rate": 0.1}}',
        json.dumps({"refunds": {"x": "y"}}),
    ):
        assert not list(find_unread({"maps": {}}, {"maps": value}, {"A_MAPS": text}, ["A_"])), text
    for text in ('{"charges.description": "x"}', '{"refunds": {"z": "y"}}', '["charges"]'):
        assert list(find_unread({"maps": {}}, {"maps": value}, {"A_MAPS": text}, ["A_"])), text


@pytest.mark.parametrize("plugin", SETTINGS)
def test_an_exported_variable_wins_over_an_env_file_in_a_folder_above(
    plugin: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The SDK searches for `.env` from its own folder upwards, and lets it override the environment."""
    site = tmp_path / "site" / "singer_sdk"
    site.parent.mkdir()
    site.symlink_to(Path(singer_sdk.__file__).parent)
    prefix = plugin.upper()
    (tmp_path / ".env").write_text(f"{prefix}_BASE_URL=http://127.0.0.1:9\n{prefix}_CONCURRENCY=many\n")
    config = {**REQUIRED.get(plugin, {}), **a_config(sandbox.url)}
    environment = {f"{prefix}_{name.upper()}": str(value) for name, value in config.items()}
    path = os.pathsep.join([str(site.parent), str(ROOT)])

    done = subprocess.run(
        [sys.executable, "-m", plugin, "--config", "ENV"],
        cwd=tmp_path,
        env=clean_env(**environment) | {"PYTHONPATH": path},
        input=ROW,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f"Stripe at {sandbox.url}, test mode" in done.stderr.decode().splitlines()[0]
    assert sandbox.requests()


@pytest.mark.parametrize(
    ("plugin", "name"), [each for each in EACH if meltano_kind(SETTINGS[each[0]][each[1]]) == "integer"]
)
@pytest.mark.parametrize("text", ["5.5", '"5"', "[5]", "true", "1" * 500 + ".0"])
def test_a_variable_that_is_not_a_whole_number_is_one_clear_line(
    plugin: str, name: str, text: str, tmp_path: Path
) -> None:
    done = run(
        [sys.executable, "-m", plugin, "--config", "ENV"], tmp_path, **{f"{plugin.upper()}_{name.upper()}": text}
    )

    [message] = done.errors
    assert done.code == 1
    assert message.endswith("must be JSON: integer")


def test_the_line_that_declares_a_secret_marks_it_sensitive() -> None:
    assert "sensitive: true" in explain_unread(
        "api_key", "SHOP_API_KEY", SETTINGS["tap_stripe_flow"]["api_key"], "shop"
    )


@pytest.mark.parametrize("plugin", SETTINGS)
@pytest.mark.parametrize("way", ["file", "environment"])
def test_the_first_line_of_the_log_names_stripe_and_the_mode(
    plugin: str, way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    config = {**REQUIRED.get(plugin, {}), **a_config(sandbox.url)}
    environment = {f"{plugin.upper()}_{name.upper()}": str(value) for name, value in config.items()}

    if way == "file":
        done = ended(plugin, tmp_path, sandbox.url, {})
    else:
        done = run([sys.executable, "-m", plugin, "--config", "ENV"], tmp_path, ROW, **environment)

    first, *others = done.log.splitlines()
    assert done.code == 0
    assert f"Stripe at {sandbox.url}, test mode" in first
    assert not any("Stripe at" in line for line in others)
    assert Sandbox.key not in done.log


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "Stripe at https://api.stripe.com, without a usable key"),
        ({"api_key": "sk_live_canary"}, "Stripe at https://api.stripe.com, live mode"),
        ({"api_key": 7, "base_url": ["x"]}, "without a usable key"),
        ({"base_url": "https://canary:canary@127.0.0.1:9/canary?canary"}, "Stripe at https://127.0.0.1:9, without"),
        ({"base_url": "http://[canary"}, "Stripe at an invalid address, without"),
        ({"base_url": "http://[::1]:9"}, "Stripe at http://[::1]:9, without"),
        ({"base_url": "localhost:9"}, "Stripe at an invalid address, without"),
        ({"base_url": "http:/127.0.0.1"}, "Stripe at an invalid address, without"),
        ({"base_url": ""}, "Stripe at an invalid address, without"),
    ],
)
@pytest.mark.parametrize("plugin", SETTINGS)
def test_the_first_line_shows_nothing_else_of_the_settings(
    plugin: str, settings: dict[str, object], address: str, tmp_path: Path
) -> None:
    done = run(command(plugin, tmp_path, settings | {"not_a_setting": 1}), tmp_path)

    first = done.log.splitlines()[0]
    assert done.code != 0
    assert address in first
    assert "canary" not in first
