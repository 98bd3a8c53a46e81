"""`stripe-flow doctor` over real HTTP: it predicts what a run would do, and changes nothing itself."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tap_stripe_flow.streams import STREAMS, StreamSpec
from target_stripe_flow.actions.table import ACTIONS
from tests.stripe_flow_cli.doctor.doctor import CANARY, PASSWORD, Line, doctor, findings, of_check
from tests.support.plugins import a_config, a_schema, clean_env, run, run_tap, run_target
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.furnishing import with_selected

CLOSED = "http://127.0.0.1:9"  # nothing listens on the discard port
NO_CHARGES = "acct_1SandboxClosed"
# The action, the setting that chooses the endpoint, the name of the endpoint, and the endpoint.
WAYS = [(name, spec.chosen_by, way, each) for name, spec in ACTIONS.items() for way, each in spec.endpoints.items()]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with keys of few permissions each; read it, do not change it."""
    own = {"accounts_kyc_basic": "read"}
    rights: dict[str, dict[str, str]] = {
        "rk_test_nothing": {},
        "rk_test_reader": {"charge": "read"},
        "rk_test_charges": own | {"charge": "write"},
        **{f"rk_test_{way}": own | {_word(each.permission): "write"} for _, _, way, each in WAYS},
    }
    keys = {
        "accounts": {PLATFORM: {"charges": 20}, CONNECTED: {}, NO_CHARGES: {"can_create_charges": False}},
        "keys": {name: {"rights": each} for name, each in rights.items()}
        | {
            CANARY: {},
            "sk_live_sandbox": {},
            "sk_test_no_charges": {"account": NO_CHARGES},
            "sk_live_no_charges": {"account": NO_CHARGES},
        },
    }
    path = tmp_path_factory.mktemp("doctor") / "keys.json"
    path.write_text(json.dumps(keys))
    with Sandbox("--keys", str(path), "--seed", "3") as running:
        yield running


def _word(permission: str) -> str:
    """The sandbox's word for a permission, without `rak_` and the level."""
    return permission.removeprefix("rak_").removesuffix("_write")


@pytest.mark.parametrize("plugin", ["tap", "target"])
def test_nothing_stops_a_run_over_a_good_connection(plugin: str, world: Sandbox, tmp_path: Path) -> None:
    done = doctor(plugin, tmp_path, a_config(world.url))

    lines = done.output.splitlines()
    assert done.code == 0
    assert lines[-1] == "Nothing stops a run."
    assert {line[0] for line in lines[:-1]} <= {"✓", "•"}


@pytest.mark.promise("commands", "The doctor creates and changes nothing")
@pytest.mark.parametrize("plugin", ["tap", "target"])
def test_the_doctor_creates_and_changes_nothing(plugin: str, sandbox: Sandbox, tmp_path: Path) -> None:
    doctor(plugin, tmp_path, a_config(sandbox.url))

    kinds = ("customer", "product", "price", "charge", "refund", "payment_intent", "event")
    assert not any(sandbox.objects(kind) for kind in kinds)
    assert all(each["status"] == 404 for each in sandbox.requests() if each["method"] != "GET")
    assert [path.name for path in tmp_path.iterdir()] == ["doctor.json"]


# What is wrong, the plugin, and the settings besides a good configuration.
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("nothing", "tap", {}),
    ("nothing", "target", {}),
    ("no key", "tap", {"api_key": ""}),
    ("a publishable key", "target", {"api_key": "pk_test_x"}),
    ("a wrong key", "tap", {"api_key": "sk_test_wrong"}),
    ("a wrong key", "target", {"api_key": "sk_test_wrong"}),
    ("a key of the other mode", "target", {"api_key": "sk_live_sandbox"}),
    ("a live key and no journal", "target", {"api_key": "sk_live_sandbox", "allow_live": True}),
    ("a live key, no journal and no answer", "target", {"api_key": "sk_live_sandbox", "base_url": CLOSED}),
    ("plain http", "tap", {"base_url": "http://api.stripe.com"}),
    ("a mistyped setting", "tap", {"start_dat": "2026-01-01"}),
    ("a wrong date", "tap", {"start_date": "yesterday"}),
    ("an unknown expansion", "tap", {"expand": ["custmer"]}),
    ("no answer", "tap", {"base_url": CLOSED}),
    ("no answer", "target", {"base_url": CLOSED}),
    ("an unknown host", "tap", {"base_url": "https://nowhere.invalid", "max_requests_per_second": 1}),
    ("no permission at all", "tap", {"api_key": "rk_test_nothing"}),
    ("no permission to read the account", "target", {"api_key": "rk_test_reader"}),
    ("`self` without that permission", "tap", {"api_key": "rk_test_reader", "account_ids": ["self"]}),
    ("`all` without permissions", "tap", {"api_key": "rk_test_reader", "account_ids": ["all"]}),
    ("`all` beside another account", "tap", {"account_ids": ["all", CONNECTED]}),
    ("one account of two", "tap", {"account_ids": [CONNECTED, "acct_unknown"]}),
    ("only unknown accounts", "tap", {"account_ids": ["acct_unknown"]}),
    ("a wrong account id", "tap", {"account_ids": ["unknown"]}),
    ("a journal in a missing folder", "target", {"journal_url": "sqlite:///none/journal.db"}),
    ("a journal_url that is no URL", "target", {"journal_url": "none"}),
    ("rejects in a missing folder", "target", {"rejects_path": "none/rejects.jsonl"}),
]


@pytest.mark.promise("commands", "The doctor's exit code is the run's")
@pytest.mark.parametrize(("plugin", "settings"), [case[1:] for case in CASES], ids=[f"{c[1]}: {c[0]}" for c in CASES])
def test_the_exit_code_is_the_one_of_the_run(
    plugin: str, settings: dict[str, Any], world: Sandbox, tmp_path: Path
) -> None:
    config = a_config(world.url, give_up_after_s=0.5) | settings
    if config["base_url"] == "https://nowhere.invalid":
        config |= {"max_requests_per_second_total": 1}

    done = doctor(plugin, tmp_path, config)
    # After the doctor, as a run creates the journal.
    ran = run_tap(tmp_path, config) if plugin == "tap" else run_target(tmp_path, config, [a_schema("customers")])

    assert done.code == ran.code
    bad = [line for line in done.output.splitlines() if line.startswith("✗")]
    assert bool(bad) == bool(done.code)


@pytest.fixture(scope="module")
def without_permissions(world: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """The findings for a key that may read nothing, and a run that would read every stream."""
    config = a_config(world.url, api_key="rk_test_nothing", customers_mode="list")
    named = [option for spec in STREAMS for option in ("--stream", spec.name)]
    return findings("tap", tmp_path_factory.mktemp("none"), config, *named)


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_the_missing_permission_of_a_stream_is_named(spec: StreamSpec, without_permissions: list[Line]) -> None:
    [(status, message)] = [
        each for each in of_check(without_permissions, "streams") if each[1].startswith(f"{spec.name}: ")
    ]

    assert status == "stops"
    assert spec.permission in message


def test_missing_permissions_of_unselected_streams_stop_no_run(world: Sandbox, tmp_path: Path) -> None:
    found = findings("tap", tmp_path, a_config(world.url, api_key="rk_test_reader"))

    assert of_check(found, "streams") == [("ok", "the key may read charges"), ("ok", "the key may read refunds")]
    may, may_not = of_check(found, "other lists")
    assert may == ("ok", "of the streams not selected, the key may read early_fraud_warnings")
    assert may_not[0] == "open"


def test_a_stream_that_discovery_leaves_out_stops_no_run(world: Sandbox, tmp_path: Path) -> None:
    config = a_config(world.url, api_key="rk_test_products", discover_permitted_only=True)

    some = doctor("tap", tmp_path, config, "--stream", "products", "--stream", "disputes")
    none = doctor("tap", tmp_path, config)

    assert (some.code, none.code) == (0, run_tap(tmp_path, config).code)
    assert "• streams      disputes: discovery leaves it out (discover_permitted_only)" in some.output
    assert "✓ streams      the key may read products" in some.output
    assert "no stream is selected that the key may read" in none.output


@pytest.mark.parametrize("names", [["charges", "customers"], ["customers"]], ids=["one of two", "the only one"])
def test_a_stream_that_these_settings_cannot_read_stops_it_alone(
    names: list[str], world: Sandbox, tmp_path: Path
) -> None:
    config = a_config(world.url)
    found = json.loads(run_tap(tmp_path, config, "--discover").output)
    catalog = with_selected(found, *names)
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))

    done = doctor("tap", tmp_path, config, "--catalog", "catalog.json")

    assert done.code == run_tap(tmp_path, config, catalog=catalog).code
    assert (
        "✗ streams      customers: the stream customers is selected, but setting customer_ids is empty" in done.output
    )
    assert ("the key may read charges" in done.output) == ("charges" in names)


def test_accounts_of_a_stream_are_counted_and_those_without_access_named(world: Sandbox, tmp_path: Path) -> None:
    config = a_config(world.url, account_ids=["self", CONNECTED, "acct_unknown"])

    found = of_check(findings("tap", tmp_path, config, "--stream", "charges"), "streams")

    assert found[0][0] == "stops"
    assert found[0][1].startswith("charges of account acct_unknown: ")
    assert found[1:] == [("ok", "the key may read charges in 2 accounts")]


@pytest.mark.parametrize("plugin", ["tap", "target"])
def test_messages_about_many_lists_are_short(plugin: str, world: Sandbox, tmp_path: Path) -> None:
    found = findings(plugin, tmp_path, a_config(world.url))

    assert all(len(message) < 320 for line in found if (message := line["message"]))


@pytest.mark.parametrize(("action", "chosen_by", "way"), [each[:3] for each in WAYS], ids=[each[2] for each in WAYS])
def test_permissions_to_create_are_checked_without_creating(
    action: str, chosen_by: str | None, way: str, world: Sandbox, tmp_path: Path
) -> None:
    chosen = {chosen_by: way} if chosen_by else {}
    permission = ACTIONS[action].endpoints[way].permission
    with_permission = a_config(world.url, api_key=f"rk_test_{way}", **chosen)
    without = a_config(world.url, api_key="rk_test_nothing", account_label="mine", **chosen)

    may, may_not = (findings("target", tmp_path, each, "--stream", action) for each in (with_permission, without))

    assert ("ok", f"the key may create {action}") in of_check(may, "permissions")
    [(status, message)] = [each for each in of_check(may_not, "permissions") if f" {action}: " in each[1]]
    assert (status, permission in message) == ("stops", True)


def test_a_missing_permission_stops_only_runs_with_that_action(world: Sandbox, tmp_path: Path) -> None:
    config = a_config(world.url, api_key="rk_test_charges")

    unnamed, named = doctor("target", tmp_path, config), doctor("target", tmp_path, config, "--stream", "products")

    assert (unnamed.code, named.code) == (0, 4)
    assert (
        "• permissions  the key may neither create nor read products: give it the permission rak_product_write"
        in unnamed.output
    )
    assert "✗ permissions  the key may neither create nor read products" in named.output


CHARGING: list[tuple[str, dict[str, Any], tuple[str, ...], str]] = [
    ("direct charges", {}, (), "open: .*not say whether it may create charges directly.*charge_with"),
    ("PaymentIntents", {"charge_with": "payment_intents"}, (), "ok: .*creates charges as PaymentIntents"),
    ("disabled in test mode", {"api_key": "sk_test_no_charges"}, ("--stream", "charges"), "open: .*test mode may"),
    ("disabled in live mode", {"api_key": "sk_live_no_charges"}, (), "open: .*activation"),
    ("disabled, with charges", {"api_key": "sk_live_no_charges"}, ("--stream", "charges"), "stops: .*activation"),
    ("not known", {"api_key": "rk_test_reader", "account_label": "x"}, (), "open: .*is not known"),
]


@pytest.mark.parametrize(
    ("settings", "options", "said"), [case[1:] for case in CHARGING], ids=[case[0] for case in CHARGING]
)
def test_whether_the_account_accepts_charges_is_reported(
    settings: dict[str, Any], options: tuple[str, ...], said: str, world: Sandbox, tmp_path: Path
) -> None:
    [(status, message)] = of_check(findings("target", tmp_path, a_config(world.url) | settings, *options), "charging")

    assert re.match(said, f"{status}: {message}"), message


# The settings, the environment, and the message of the check `connection`.
LINES: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("no server", {"base_url": CLOSED}, {}, "connection refused.*base_url"),
    ("no such host", {"base_url": "https://nowhere.invalid"}, {}, "host name could not be resolved.*base_url"),
    ("no TLS", {"base_url": "https://127.0.0.1:{port}"}, {}, "TLS failed.*REQUESTS_CA_BUNDLE"),
    (
        "an absent proxy",
        {"base_url": "https://nowhere.invalid"},
        {"HTTPS_PROXY": f"http://ann:{PASSWORD}@127.0.0.1:9"},
        "the proxy that HTTPS_PROXY names failed.*the proxy 127.0.0.1:9",
    ),
    ("another server", {"base_url": "http://127.0.0.1:{port}"}, {}, "HTTP 404 without Stripe's error object.*base_url"),
    ("a wrong key", {"api_key": "sk_test_wrong"}, {}, "does not accept the key.*setting api_key"),
]


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize(("settings", "env", "said"), [case[1:] for case in LINES], ids=[case[0] for case in LINES])
def test_a_failed_connection_names_the_reason_and_what_to_check(
    settings: dict[str, Any], env: dict[str, str], said: str, world: Sandbox, tmp_path: Path
) -> None:
    with a_server_without_stripe() as port:
        named = {name: value.format(port=port) for name, value in settings.items()}
        throttle = {"max_requests_per_second": 1, "max_requests_per_second_total": 1, "give_up_after_s": 0.5}
        found = findings("tap", tmp_path, a_config(world.url) | throttle | named, **env)

    [(status, message)] = of_check(found, "connection")
    assert status == "stops"
    assert re.search(said, message), message
    assert of_check(found, "not yet") != []


@contextmanager
def a_server_without_stripe() -> Iterator[int]:
    """The port of a server that answers 404 and has no TLS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class _Silent(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own name
        """Nothing."""


def test_a_connected_account_without_access_is_named(world: Sandbox, tmp_path: Path) -> None:
    found = findings("target", tmp_path, a_config(world.url, account_id="acct_unknown"))

    [(status, message)] = of_check(found, "connection")
    assert status == "stops"
    assert message.startswith("the key has no access to the account acct_unknown: ")


def test_a_wrong_clock_is_reported_and_stops_no_run(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.advance(7200)

    done = doctor("tap", tmp_path, a_config(sandbox.url))

    assert done.code == 0
    assert re.search(r"• clock +this machine's clock is 7[12]\d\d s behind Stripe's", done.output)


def test_the_version_of_the_answers_is_compared(world: Sandbox, tmp_path: Path) -> None:
    found = findings("tap", tmp_path, a_config(world.url, api_version="2025-09-30.clover"))

    assert of_check(found, "version") == [("ok", "asked for 2025-09-30.clover, answered in the same")]


def test_a_mistyped_environment_variable_gets_a_suggestion(world: Sandbox, tmp_path: Path) -> None:
    env = {
        "TAP_STRIPE_FLOW_STRAT_DATE": "2026-01-01",
        "TAP_STRIPE_FLOW__EU_START_DATE": "2026-01-01",  # of another connection
        "TAP_STRIPE_FLOW_API_KEY": CANARY,
        "TAP_STRIPE_FLOW_BASE_URL": world.url,
    }
    line = [sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", "tap", "--config", "ENV", "--json"]

    done = run(line, tmp_path, **env)

    found = of_check([json.loads(each) for each in done.output.splitlines()], "settings")
    assert [status for status, _ in found] == ["ok", "open"]
    assert "TAP_STRIPE_FLOW_STRAT_DATE is not a setting" in found[1][1]
    assert "did you mean TAP_STRIPE_FLOW_START_DATE?" in found[1][1]


@pytest.mark.parametrize(("plugin", "near"), [("tap", "charges"), ("target", "charges")])
def test_a_mistyped_stream_gets_a_suggestion(plugin: str, near: str, world: Sandbox, tmp_path: Path) -> None:
    [(status, message)] = of_check(findings(plugin, tmp_path, a_config(world.url), "--stream", "chagres"), "settings")

    assert status == "stops"
    assert f"did you mean {near}?" in message


def test_without_settings_the_message_names_the_option(tmp_path: Path) -> None:
    done = run([sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", "tap"], tmp_path)

    assert done.code == 1
    assert "there are no settings: add --config FILE for a file, or --config ENV for variables" in done.output


SHOWN = [({}, "utf-8", "\x1b[32m✓\x1b[0m "), ({"NO_COLOR": "1"}, "utf-8", "✓ "), ({"NO_COLOR": "1"}, "ascii", "✓ ")]


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize(("env", "encoding", "sign"), SHOWN)
def test_a_terminal_has_colours_unless_no_color_is_set(
    env: dict[str, str], encoding: str, sign: str, world: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "doctor.json").write_text(json.dumps(a_config(world.url, source_name="default")))
    line = [sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", "target", "--config", "doctor.json"]
    ours, theirs = pty.openpty()

    with subprocess.Popen(
        line, cwd=tmp_path, env=clean_env(PYTHONIOENCODING=encoding, TERM="xterm", **env), stdout=theirs
    ) as process:
        os.close(theirs)
        shown = read_all(ours)
        process.wait(60)

    assert shown.splitlines()[0].startswith(f"{sign}settings ")


def read_all(descriptor: int) -> str:
    """All that a terminal receives until the process closes it."""
    parts = []
    try:
        while part := os.read(descriptor, 4096):
            parts.append(part)
    except OSError:
        pass  # Linux raises this once the other end is closed
    finally:
        os.close(descriptor)
    return b"".join(parts).decode()
