"""A mistyped setting stops a run before it does anything, and the message names the nearest setting.

Ignoring it would be dangerous: with `dry_rn` for `dry_run` the target would move real money.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.plugins import Ended, a_config, a_schema, command, run, run_tap, run_target
from tests.support.sandbox import Sandbox

TAP, TARGET, RECORDS, COMMANDS = "tap_stripe_flow", "target_stripe_flow", "tap_records", "stripe_flow_cli"
SECRET = "sk_test_canary0123456789"
NOTHING: dict[str, Any] = {"files": []}

# The command, the wrong settings, and a part of the message.
TYPOS: list[tuple[str, dict[str, Any], str]] = [
    (TAP, {"api_kye": SECRET}, "setting api_kye is unknown: did you mean api_key?"),
    (TAP, {"API_KEY": SECRET}, "setting API_KEY is unknown: did you mean api_key?"),
    (TAP, {"start_dat": "2026-01-01"}, "setting start_dat is unknown: did you mean start_date?"),
    (TAP, {"strem_maps": {}}, "setting strem_maps is unknown: did you mean stream_maps?"),
    (TAP, {"journal": "x"}, "setting journal is unknown: see --about"),
    (TAP, {"batch_config": {}}, "setting batch_config is not supported by this plugin: remove it"),
    (TAP, {"capture": "chnages"}, "setting capture must be one of new, changes (did you mean changes?)"),
    (TAP, {"capture": "all"}, "setting capture must be one of new, changes"),
    (TAP, {"customers_mode": "List"}, "(did you mean list?)"),
    (TAP, {"start_date": "nwo"}, "or `now`, not 'nwo' (did you mean now?)"),
    (TAP, {"end_date": "nwo"}, "setting end_date must be a date like 2026-01-31 or 2026-01-31T12:00:00Z, not 'nwo'"),
    (TAP, {"start_date": 2026}, "must be of type string, not integer: write it in quotes"),
    (TAP, {"concurrency": "16"}, "must be of type integer, not string: write it without quotes"),
    (TAP, {"concurrency": 1.5}, "setting concurrency must be of type integer, not number"),
    (TAP, {"concurrency": 101}, "setting concurrency must be at most 100"),
    (TAP, {"timeout_s": 0}, "setting timeout_s must be more than 0"),
    (TAP, {"discover_permitted_only": "yse"}, "not string: write true or false"),
    (TAP, {"account_ids": "self"}, 'must be of type array, not string: write a list, like ["…"]'),
    (TAP, {"account_ids": ["slef"]}, "(did you mean self?)"),
    (TAP, {"expand": ["custmer"]}, "which no stream has (did you mean customer?)"),
    (TARGET, {"dry_rn": True}, "setting dry_rn is unknown: did you mean dry_run?"),
    (TARGET, {"on_change": "updat"}, "(did you mean update?)"),
    (TARGET, {"charge_with": "payment_intent"}, "(did you mean payment_intents?)"),
    (TARGET, {"flattening_enabled": True}, "is not supported by this plugin: remove it"),
    (TARGET, {"load_method": "upsert"}, "is not supported by this plugin: remove it"),
    (RECORDS, {"file": []}, "file is unknown: did you mean files?"),
    (RECORDS, {"flattening_enable": True}, "flattening_enable is unknown: did you mean flattening_enabled?"),
    (RECORDS, {"files": [{"pth": "a.csv", "stream": "a"}]}, "files[0].pth is unknown: did you mean path?"),
    (
        RECORDS,
        {"files": [{"path": "a", "stream": "a", "format": "cvs"}]},
        "files[0].format must be one of csv, jsonl: did you mean csv?",
    ),
    (RECORDS, {"files": [{"path": "a", "stream": "a", "types": {"b": "integr"}}]}, ": did you mean integer?"),
    (RECORDS, {"files": "a.csv"}, "files must be of type array, not str"),
    (f"{COMMANDS} slices", {"start_dat": "2026-01-01"}, "setting start_dat is unknown: did you mean start_date?"),
    (f"{COMMANDS} journal list", {"journal_ulr": "x"}, "setting journal_ulr is unknown: did you mean journal_url?"),
    (f"{COMMANDS} journal init", {"journal_ulr": "x"}, "setting journal_ulr is unknown: did you mean journal_url?"),
    (TAP, {"start_date": SECRET}, "setting start_date must be a date"),
    (f"{COMMANDS} slices", {"start_date": SECRET}, "setting start_date must be a date"),
    (f"{COMMANDS} doctor --plugin tap", {"start_date": SECRET}, "setting start_date must be a date"),
    (f"{COMMANDS} doctor --plugin tap", {"capture": "nwe"}, "(did you mean new?)"),
]


def run_with(folder: Path, who: str, url: str, settings: dict[str, Any]) -> Ended:
    valid = NOTHING if who == RECORDS else a_config(url)
    line = command(who, folder, valid | settings) if " " not in who else []
    if not line:
        (folder / "typo.json").write_text(json.dumps(valid | settings))
        line = [sys.executable, "-m", *who.split(), "--config", "typo.json"]
    return run(line, folder)


@pytest.mark.promise("target 11", "A mistyped setting stops the run and names the setting that was probably meant")
@pytest.mark.parametrize(("who", "settings", "said"), TYPOS, ids=[f"{each[0]}: {each[1]}" for each in TYPOS])
def test_a_typo_is_reported_with_the_nearest_name(
    who: str, settings: dict[str, Any], said: str, seeded_sandbox: Sandbox, tmp_path: Path
) -> None:
    before = {*tmp_path.iterdir()}

    done = run_with(tmp_path, who, seeded_sandbox.url, settings)

    assert done.code == 1
    assert said in done.log + done.output
    assert SECRET not in done.log + done.output
    assert "Traceback" not in done.log
    assert not {path for path in {*tmp_path.iterdir()} - before if path.suffix != ".json"}, "nothing was begun"


def test_supported_settings_of_the_sdk_are_accepted(sandbox: Sandbox, tmp_path: Path) -> None:
    maps: dict[str, Any] = {"stream_maps": {}, "stream_map_config": {}, "faker_config": {}}
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}

    assert run_tap(tmp_path, a_config(sandbox.url, **maps, **flat)).code == 0
    assert run_target(tmp_path, a_config(sandbox.url, **maps), [a_schema("customers")]).code == 0


def test_a_mistyped_variable_is_a_warning_and_no_error(sandbox: Sandbox, tmp_path: Path) -> None:
    env = {"TARGET_STRIPE_FLOW_API_KEY": Sandbox.key, "TARGET_STRIPE_FLOW_BASE_URL": sandbox.url}
    env["TARGET_STRIPE_FLOW_SOURCE_NAME"] = "default"
    line = [sys.executable, "-m", TARGET, "--config", "ENV"]

    typed, mistyped = run(line, tmp_path, **env), run(line, tmp_path, **env, TARGET_STRIPE_FLOW_DRY_RN="true")

    assert (typed.code, mistyped.code) == (0, 0)
    assert "is not a setting" not in typed.log
    assert "TARGET_STRIPE_FLOW_DRY_RN is not a setting and is ignored: did you mean TARGET_STRIPE_FLOW_DRY_RUN?" in (
        mistyped.log
    )


@pytest.mark.parametrize(("stream", "meant"), [("charge", "charges"), ("Customers", "customers"), ("rows", "ACTION")])
def test_a_stream_without_an_action_is_reported_with_the_nearest_name(
    stream: str, meant: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    done = run_target(tmp_path, a_config(sandbox.url), [a_schema(stream)])

    assert done.code == 1
    assert f'{{"{stream}": {{"__alias__": "{meant}"}}}}' in done.log


def test_a_stream_that_cannot_be_sliced_is_reported_with_the_nearest_name(
    seeded_sandbox: Sandbox, tmp_path: Path
) -> None:
    done = run_with(tmp_path, f"{COMMANDS} slices --stream charge", seeded_sandbox.url, {})

    assert "no stream 'charge' that is read by time (did you mean charges?): " in done.log
