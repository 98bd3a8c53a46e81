"""A variable that names a setting reaches the plugin, or the run says that it did not."""

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

from stripe_flow.singer.environment import MUST_ARRIVE, advice, kind_of, prefixes, unheard
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA as OF_TAP
from target_stripe_flow.settings import CONFIG_JSONSCHEMA as OF_TARGET
from tests.support.plugins import ROOT, Ended, a_config, a_record, a_schema, clean_env, command, run
from tests.support.sandbox import Sandbox

SETTINGS: dict[str, dict[str, Any]] = {  # Any: JSON schema
    "tap_stripe_flow": OF_TAP["properties"],
    "target_stripe_flow": OF_TARGET["properties"],  # type: ignore[dict-item]  # JSON
}
MELTANO = {"tap_stripe_flow": "MELTANO_EXTRACTOR", "target_stripe_flow": "MELTANO_LOADER"}
EACH = [(plugin, name) for plugin, settings in SETTINGS.items() for name in settings]
ROW = "".join(json.dumps(each) + "\n" for each in (a_schema("customers"), a_record("customers", id=1))).encode()
# A value of each kind that no setting has by default.
CANARY = {"array": '["acct_canary"]', "object": '{"canary": 1}', "integer": "77", "string": "canary"}


def ended(plugin: str, folder: Path, url: str, environment: Mapping[str, str], **settings: object) -> Ended:
    return run(command(plugin, folder, a_config(url, **settings)), folder, ROW, **environment)


def named(plugin: str, name: str, value: str | None = None) -> dict[str, str]:
    return {f"{plugin.upper()}_{name.upper()}": value or canary(plugin, name)}


def canary(plugin: str, name: str) -> str:
    schema = SETTINGS[plugin][name]
    return "true" if schema.get("type") == "boolean" else CANARY[kind_of(schema)]


@pytest.mark.parametrize(("plugin", "name"), EACH)
def test_a_variable_that_did_not_arrive_is_told(plugin: str, name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit 1 before anything is asked where the run would be another one, else a warning."""
    environment = named(plugin, name, "123.5" if SETTINGS[plugin][name].get("type") == "number" else None)
    [(variable, value)] = environment.items()

    done = ended(plugin, tmp_path, sandbox.url, environment)

    told = [line for line in done.log.splitlines() if variable in line]
    assert len(told) == 1
    words = told[0].split("|", 3)[3]
    assert f"write {name} into the file" in words
    assert value not in words.replace(variable, "").replace(name, "")
    if name in MUST_ARRIVE:
        assert (done.code, done.output, sandbox.requests()) == (1, "", [])
        assert "| ERROR " in told[0]
    else:
        assert done.code == 0
        assert "| WARNING " in told[0]


@pytest.mark.parametrize(("plugin", "name"), [each for each in EACH if each[1] in MUST_ARRIVE])
def test_under_meltano_the_line_that_declares_it_is_told(
    plugin: str, name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    value = canary(plugin, name)
    environment = {f"SHOP__EU_{name.upper()}": value, f"{MELTANO[plugin]}_NAME": "shop--eu"}

    done = ended(plugin, tmp_path, sandbox.url, environment)

    [told] = done.errors
    declared = yaml.safe_load(told.split("`")[1])
    assert (done.code, sandbox.requests()) == (1, [])
    assert declared[0]["name"] == name
    assert "below `settings:` of shop in meltano.yml" in told


def test_every_setting_that_must_arrive_is_one() -> None:
    assert {name for _, name in EACH} >= MUST_ARRIVE


def test_discovery_stops_as_well(sandbox: Sandbox, tmp_path: Path) -> None:
    config = a_config(sandbox.url, discover_permitted_only=True)
    line = command("tap_stripe_flow", tmp_path, config, "--discover")

    done = run(line, tmp_path, TAP_STRIPE_FLOW_BASE_URL="http://127.0.0.1:9")

    assert (done.code, done.output, sandbox.requests()) == (1, "", [])


@pytest.mark.parametrize(("plugin", "name"), EACH)
def test_a_variable_that_arrived_or_says_nothing_is_not_told(plugin: str, name: str) -> None:
    """What the environment says in its own words: `True`, `20`, a list with other white space."""
    settings = SETTINGS[plugin]
    said: Mapping[str, list[tuple[str, object]]] = {
        "boolean": [("TRUE", True), ("1", True), ("false", False), ("0", False), ("", True)],
        "number": [("2", 2.0), ("2.0", 2), ("2.50", 2.5)],
        "integer": [("20", 20)],
        "array": [('[ "a" ,"b"]', ["a", "b"]), ("[]", None), ("[]", [])],
        "object": [('{"a":  {"b": 1}}', {"a": {"b": 1}}), ("{}", None)],
        "string": [("x", "x"), (" x ", "x"), ("", "y")],
    }
    for text, value in said[str(settings[name]["type"])]:
        variable = f"SHOP_{name.upper()}"

        assert not list(unheard(settings, {name: value}, {variable: text}, ["SHOP_"])), text


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
def test_a_variable_that_says_otherwise_is_told(text: str, value: object) -> None:
    told = list(unheard({"dry_run": {}}, {"dry_run": value}, {"SHOP_DRY_RUN": text}, ["SHOP_"]))

    assert told == [("dry_run", "SHOP_DRY_RUN")]


EXTRAS = {"TAP__SELECT": "[]", "MELTANO_EXTRACT__SELECT": "[]", "TARGET__DIALECT": "x", "MELTANO_LOAD__DIALECT": "x"}


@pytest.mark.parametrize(
    ("told", "environment", "found"),
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
def test_a_variable_begins_as_meltano_makes_it(told: str, environment: dict[str, str], found: list[str]) -> None:
    assert prefixes("own-name", told, environment) == found


def test_of_two_variables_the_nearer_one_counts() -> None:
    environment = {"SHOP__EU_BASE_URL": "https://eu", "SHOP_BASE_URL": "https://us"}
    before = ["SHOP__EU_", "SHOP_"]

    assert not list(unheard({"base_url": {}}, {"base_url": "https://eu"}, environment, before))
    assert list(unheard({"base_url": {}}, {"base_url": "https://us"}, environment, before)) == [
        ("base_url", "SHOP__EU_BASE_URL")
    ]


def test_objects_arrive_flattened_and_merged_as_meltano_hands_them_on() -> None:
    value = {"charges": {"description": "__NULL__", "rate": Decimal("0.1")}, "refunds": {"x": "y"}}
    for text in (
        '{"charges.description": "__NULL__"}',
        '{"charges": {"rate": 0.1}}',
        json.dumps({"refunds": {"x": "y"}}),
    ):
        assert not list(unheard({"maps": {}}, {"maps": value}, {"A_MAPS": text}, ["A_"])), text
    for text in ('{"charges.description": "x"}', '{"refunds": {"z": "y"}}', '["charges"]'):
        assert list(unheard({"maps": {}}, {"maps": value}, {"A_MAPS": text}, ["A_"])), text


@pytest.mark.parametrize("plugin", SETTINGS)
def test_what_is_exported_wins_over_a_file_in_some_folder_above(plugin: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """The SDK looks for `.env` from its own folder upwards, and lets that overrule the environment."""
    site = tmp_path / "site" / "singer_sdk"
    site.parent.mkdir()
    site.symlink_to(Path(singer_sdk.__file__).parent)
    prefix = plugin.upper()
    (tmp_path / ".env").write_text(f"{prefix}_BASE_URL=http://127.0.0.1:9\n{prefix}_CONCURRENCY=many\n")
    environment = {f"{prefix}_{name.upper()}": str(value) for name, value in a_config(sandbox.url).items()}
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
    ("plugin", "name"), [each for each in EACH if kind_of(SETTINGS[each[0]][each[1]]) == "integer"]
)
@pytest.mark.parametrize("text", ["5.5", '"5"', "[5]", "true", "1" * 500 + ".0"])
def test_a_whole_number_that_is_none_is_one_clear_line(plugin: str, name: str, text: str, tmp_path: Path) -> None:
    done = run(
        [sys.executable, "-m", plugin, "--config", "ENV"], tmp_path, **{f"{plugin.upper()}_{name.upper()}": text}
    )

    [told] = done.errors
    assert done.code == 1
    assert told.endswith("must be JSON: integer")


def test_a_secret_is_declared_as_one() -> None:
    assert "sensitive: true" in advice("api_key", "SHOP_API_KEY", SETTINGS["tap_stripe_flow"]["api_key"], "shop")


@pytest.mark.parametrize("plugin", SETTINGS)
@pytest.mark.parametrize("way", ["file", "environment"])
def test_the_first_line_of_the_log_names_stripe_and_the_mode(
    plugin: str, way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    config = a_config(sandbox.url)
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
    ("settings", "said"),
    [
        ({}, "Stripe at https://api.stripe.com, without a usable key"),
        ({"api_key": "sk_live_canary"}, "Stripe at https://api.stripe.com, live mode"),
        ({"api_key": 7, "base_url": ["x"]}, "without a usable key"),
        ({"base_url": "https://canary:canary@127.0.0.1:9/canary?canary"}, "Stripe at https://127.0.0.1:9, without"),
        ({"base_url": "http://[canary"}, "Stripe at an address that is none, without"),
        ({"base_url": "http://[::1]:9"}, "Stripe at http://[::1]:9, without"),
        ({"base_url": "localhost:9"}, "Stripe at an address that is none, without"),
        ({"base_url": "http:/127.0.0.1"}, "Stripe at an address that is none, without"),
        ({"base_url": ""}, "Stripe at an address that is none, without"),
    ],
)
@pytest.mark.parametrize("plugin", SETTINGS)
def test_the_first_line_shows_no_more_than_that(
    plugin: str, settings: dict[str, object], said: str, tmp_path: Path
) -> None:
    done = run(command(plugin, tmp_path, settings | {"not_a_setting": 1}), tmp_path)

    first = done.log.splitlines()[0]
    assert done.code != 0
    assert said in first
    assert "canary" not in first
