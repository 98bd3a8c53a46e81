"""A wrong setting is named in one line that says what to write instead and does not show its value."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.messages.saying import KEY, PERSON, PLUGINS, assert_clean, assert_says, counted
from tests.support.official import official
from tests.support.plugins import REQUIRED, a_config, a_record, a_schema, command, run, run_tap, run_target
from tests.support.sandbox import Sandbox

CLOSED = "http://127.0.0.1:9"  # nothing listens on the discard port


NOWHERE = {"base_url": "https://nowhere.invalid", "max_requests_per_second": 1, "max_requests_per_second_total": 1}

WRONG_SETTINGS: list[tuple[str, dict[str, Any], int, str]] = [
    ("a missing key", {"api_key": None}, 1, "setting api_key must be of type string"),
    ("an empty key", {"api_key": ""}, 1, "setting api_key is missing"),
    ("a mistyped key", {"api_key": "sk_tset_canary0123"}, 1, "setting api_key does not look like a Stripe key"),
    ("a key with a line break inside", {"api_key": "sk_test_can\nary01"}, 1, "does not look like a Stripe key"),
    ("a key of the wrong type", {"api_key": ["sk_tset_canary0123"]}, 1, "setting api_key must be of type string"),
    ("a publishable key", {"api_key": "pk_test_canary0123"}, 1, "setting api_key holds a publishable key"),
    ("a wrong key", {}, 4, "Stripe does not accept the key"),
    ("plain http", {"base_url": "http://api.stripe.com"}, 1, "setting base_url .* clear text"),
    ("an unreachable host", {"base_url": CLOSED, "give_up_after_s": 0.5}, 4, "connection refused.*base_url"),
    ("an unknown host", NOWHERE | {"give_up_after_s": 0.5}, 4, "host name could not be resolved.*base_url"),
    ("a mistyped setting", {"concurency": 4}, 1, "setting concurency is unknown: did you mean concurrency"),
    ("a number out of range", {"concurrency": 0}, 1, "setting concurrency must be at least 1"),
    ("a word for a number", {"timeout_s": "canary"}, 1, "setting timeout_s must be of type number, not str"),
    (
        "no throttle towards Stripe",
        {"base_url": "https://127.1.example", "max_requests_per_second": 0},
        1,
        "throttle off",
    ),
]


@pytest.mark.promise("commands", "A wrong setting is one clear line, without a traceback or a secret")
@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("settings", "code", "message"), [case[1:] for case in WRONG_SETTINGS], ids=[case[0] for case in WRONG_SETTINGS]
)
def test_a_wrong_setting_is_one_clear_line(
    *, plugin: str, settings: dict[str, Any], code: int, message: str, sandbox_url: str, tmp_path: Path
) -> None:
    config = a_config(sandbox_url) | {"api_key": KEY} | settings

    done = run(command(plugin, tmp_path, config), tmp_path, LOGLEVEL="DEBUG")

    assert done.code == code
    assert len(done.errors) == 1
    assert_says(message, done.errors[0])
    assert_clean(done.log + done.output)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_missing_setting_is_named(plugin: str, tmp_path: Path) -> None:
    done = run(command(plugin, tmp_path, {}), tmp_path)

    assert done.code == 1
    assert_says("setting api_key is missing", done.errors[0])


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CONCURRENCY", "canary", "CONCURRENCY must be JSON: integer"),
        ("CONCURRENCY", "", "CONCURRENCY must be JSON: integer"),
        ("TIMEOUT_S", "canary", "TIMEOUT_S must be JSON: number"),
        ("STREAM_MAPS", "{canary", "STREAM_MAPS must be JSON: object"),
        ("API_KEY", "sk_tset_canary", "api_key does not look like a Stripe key"),
    ],
)
def test_a_bad_variable_is_one_clear_line(
    *, plugin: str, name: str, value: str, message: str, sandbox_url: str, tmp_path: Path
) -> None:
    prefix = plugin.upper()
    good = {f"{prefix}_API_KEY": "sk_test_sandbox", f"{prefix}_BASE_URL": sandbox_url}
    line = [sys.executable, "-m", plugin, "--config", "ENV"]

    done = run(line, tmp_path, **(good | {f"{prefix}_{name}": value}))

    assert done.code == 1
    assert_says(message, done.errors[0])
    assert_clean(done.log)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_all_settings_can_come_from_the_environment(plugin: str, sandbox_url: str, tmp_path: Path) -> None:
    prefix = plugin.upper()
    variables = {"API_KEY": "sk_test_sandbox", "BASE_URL": sandbox_url, "TIMEOUT_S": "20.5", "CONCURRENCY": "2"}
    variables |= {"MAX_REQUESTS_PER_SECOND": "0", "MAX_REQUESTS_PER_SECOND_TOTAL": "0.0", "GIVE_UP_AFTER_S": "3"}
    variables |= {name.upper(): str(value) for name, value in REQUIRED.get(plugin, {}).items()}
    line = [sys.executable, "-m", plugin, "--config", "ENV"]

    done = run(line, tmp_path, **{f"{prefix}_{name}": value for name, value in variables.items()})

    assert (done.code, done.errors) == (0, [])


@pytest.mark.parametrize("expression", ["int(email)", "record['nope']"])
def test_a_stream_map_that_fails_shows_nothing_of_the_record(expression: str, sandbox: Sandbox, tmp_path: Path) -> None:
    official(sandbox).v1.charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"})
    maps = {"charges": {"x": expression.replace("email", "id")}, "customers": {"x": expression, "email": "email"}}
    properties = {"properties": {"id": {"type": "integer"}, "email": {"type": "string"}}}
    schema = a_schema("customers") | {"schema": properties}

    read = run_tap(tmp_path, a_config(sandbox.url, stream_maps={"charges": maps["charges"]}))
    written = run_target(
        tmp_path, a_config(sandbox.url, stream_maps=maps), [schema, a_record("customers", id=1, **PERSON)]
    )

    assert read.code == 1
    assert_says("stream_maps fails on charge ch_", read.errors[0])
    assert (written.code, counted(written, "rejected")) == (2, 1)
    assert_clean(read.log + written.log)


@pytest.mark.parametrize("setting", ["start_date", "end_date"])
def test_an_invalid_date_is_one_clear_line(setting: str, sandbox_url: str, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(sandbox_url, **{setting: "last tuesday"}))

    assert done.code == 1
    assert_says(f"setting {setting} must be a date like", done.errors[0])


@pytest.mark.parametrize("option", [(), ("--discover",)], ids=["a run", "discovery"])
@pytest.mark.parametrize("customer_id", ["", "acct_1/", "/cus_1"])
def test_an_invalid_id_is_one_clear_line(
    *, option: tuple[str, ...], customer_id: str, sandbox_url: str, tmp_path: Path
) -> None:
    done = run_tap(tmp_path, a_config(sandbox_url, customer_ids=[customer_id]), *option)

    assert (done.code, len(done.errors), done.output) == (1, 1, "")
    assert_says("setting customer_ids: an id looks like cus_", done.errors[0])
    assert_clean(done.log)
