"""`stripe-flow doctor` over real HTTP: it is right about what a run would do, and does nothing itself."""

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
from tests.stripe_flow_cli.doctor.doctor import CANARY, PASSWORD, Line, doctor, of, told
from tests.support.plugins import a_config, a_schema, clean_env, run, run_tap, run_target
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

CLOSED = "http://127.0.0.1:9"  # nothing listens to the discard port
NO_CHARGES = "acct_1SandboxClosed"
# The sandbox's word for the right of each way, without `rak_` and the level.
WAYS = [(name, spec.chosen_by, way, each) for name, spec in ACTIONS.items() for way, each in spec.ways.items()]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Keys with few rights each; read it, do not change it."""
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
    return permission.removeprefix("rak_").removesuffix("_write")


@pytest.mark.parametrize("plugin", ["tap", "target"])
def test_a_connection_that_is_well_has_nothing_that_stops_a_run(plugin: str, world: Sandbox, tmp_path: Path) -> None:
    done = doctor(plugin, tmp_path, a_config(world.url))

    lines = done.output.splitlines()
    assert done.code == 0
    assert lines[-1] == "Nothing stops a run."
    assert {line[0] for line in lines[:-1]} <= {"✓", "•"}


@pytest.mark.parametrize("plugin", ["tap", "target"])
def test_it_makes_and_changes_nothing(plugin: str, sandbox: Sandbox, tmp_path: Path) -> None:
    doctor(plugin, tmp_path, a_config(sandbox.url))

    kinds = ("customer", "product", "price", "charge", "refund", "payment_intent", "event")
    assert not any(sandbox.objects(kind) for kind in kinds)
    assert all(each["status"] == 404 for each in sandbox.requests() if each["method"] != "GET")
    assert [path.name for path in tmp_path.iterdir()] == ["doctor.json"]


# What is wrong, with which settings, for whom; the key is the sandbox's unless they say so.
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("nothing", "tap", {}),
    ("nothing", "target", {}),
    ("no key", "tap", {"api_key": ""}),
    ("a publishable key", "target", {"api_key": "pk_test_x"}),
    ("a wrong key", "tap", {"api_key": "sk_test_wrong"}),
    ("a wrong key", "target", {"api_key": "sk_test_wrong"}),
    ("a key of the other mode", "target", {"api_key": "sk_live_sandbox"}),
    ("a live key and no journal", "target", {"api_key": "sk_live_sandbox", "allow_live": True}),
    ("a live key and no journal, and nobody is there", "target", {"api_key": "sk_live_sandbox", "base_url": CLOSED}),
    ("plain http", "tap", {"base_url": "http://api.stripe.com"}),
    ("a mistyped setting", "tap", {"start_dat": "2026-01-01"}),
    ("a date that is none", "tap", {"start_date": "yesterday"}),
    ("an expansion that is none", "tap", {"expand": ["custmer"]}),
    ("nobody is there", "tap", {"base_url": CLOSED}),
    ("nobody is there", "target", {"base_url": CLOSED}),
    ("a name that nobody knows", "tap", {"base_url": "https://nowhere.invalid", "max_requests_per_second": 1}),
    ("no right at all", "tap", {"api_key": "rk_test_nothing"}),
    ("no right to read whose key it is", "target", {"api_key": "rk_test_reader"}),
    ("`self` without that right", "tap", {"api_key": "rk_test_reader", "account_ids": ["self"]}),
    ("one account of two", "tap", {"account_ids": [CONNECTED, "acct_unknown"]}),
    ("no account but unknown ones", "tap", {"account_ids": ["acct_unknown"]}),
    ("what is no account", "tap", {"account_ids": ["unknown"]}),
    ("a journal in a folder that is not there", "target", {"journal_url": "sqlite:///none/journal.db"}),
    ("a journal that is no URL", "target", {"journal_url": "none"}),
    ("rejects in a folder that is not there", "target", {"rejects_path": "none/rejects.jsonl"}),
]


@pytest.mark.parametrize(("plugin", "settings"), [case[1:] for case in CASES], ids=[f"{c[1]}: {c[0]}" for c in CASES])
def test_the_exit_code_is_the_one_of_the_run(
    plugin: str, settings: dict[str, Any], world: Sandbox, tmp_path: Path
) -> None:
    config = a_config(world.url, give_up_after_s=0.5) | settings
    if config["base_url"] == "https://nowhere.invalid":
        config |= {"max_requests_per_second_total": 1}

    done = doctor(plugin, tmp_path, config)
    # After it: a run makes the journal.
    ran = run_tap(tmp_path, config) if plugin == "tap" else run_target(tmp_path, config, [a_schema("customers")])

    assert done.code == ran.code
    bad = [line for line in done.output.splitlines() if line.startswith("✗")]
    assert bool(bad) == bool(done.code)


@pytest.fixture(scope="module")
def without_rights(world: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """Of a key that may read nothing, and of a run that would read every stream."""
    config = a_config(world.url, api_key="rk_test_nothing", customers_mode="list")
    named = [option for spec in STREAMS for option in ("--stream", spec.name)]
    return told("tap", tmp_path_factory.mktemp("none"), config, *named)


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_the_right_that_a_stream_lacks_is_named(spec: StreamSpec, without_rights: list[Line]) -> None:
    [(status, message)] = [each for each in of(without_rights, "streams") if each[1].startswith(f"{spec.name}: ")]

    assert status == "stops"
    assert spec.permission in message


def test_what_is_not_selected_stops_nothing_and_is_named(world: Sandbox, tmp_path: Path) -> None:
    found = told("tap", tmp_path, a_config(world.url, api_key="rk_test_reader"))

    assert of(found, "streams") == [("ok", "charges may be read"), ("ok", "refunds may be read")]
    may, may_not = of(found, "other lists")
    assert may == ("ok", "of what is not selected the key may read early_fraud_warnings")
    assert may_not[0] == "open"


def test_what_discovery_leaves_out_stops_no_run(world: Sandbox, tmp_path: Path) -> None:
    config = a_config(world.url, api_key="rk_test_products", discover_permitted_only=True)

    some = doctor("tap", tmp_path, config, "--stream", "products", "--stream", "disputes")
    none = doctor("tap", tmp_path, config)

    assert (some.code, none.code) == (run_tap(tmp_path, config).code, 0)
    assert "• streams      disputes is left out, as discover_permitted_only says" in some.output
    assert "✓ streams      products may be read" in some.output
    assert "no stream is selected that the key may read" in none.output


def test_the_accounts_of_a_stream_are_counted_and_the_closed_ones_named(world: Sandbox, tmp_path: Path) -> None:
    config = a_config(world.url, account_ids=["self", CONNECTED, "acct_unknown"])

    found = of(told("tap", tmp_path, config, "--stream", "charges"), "streams")

    assert found[0][0] == "stops"
    assert found[0][1].startswith("charges of account acct_unknown: ")
    assert found[1:] == [("ok", "charges may be read, in 2 accounts")]


@pytest.mark.parametrize("plugin", ["tap", "target"])
def test_all_of_the_other_lists_is_said_shortly(plugin: str, world: Sandbox, tmp_path: Path) -> None:
    found = told(plugin, tmp_path, a_config(world.url))

    assert all(len(message) < 320 for line in found if (message := line["message"]))


@pytest.mark.parametrize(("action", "chosen_by", "way"), [each[:3] for each in WAYS], ids=[each[2] for each in WAYS])
def test_what_an_action_may_create_is_found_out_without_creating(
    action: str, chosen_by: str | None, way: str, world: Sandbox, tmp_path: Path
) -> None:
    chosen = {chosen_by: way} if chosen_by else {}
    permission = ACTIONS[action].ways[way].permission
    with_right = a_config(world.url, api_key=f"rk_test_{way}", **chosen)
    without = a_config(world.url, api_key="rk_test_nothing", account_label="mine", **chosen)

    may, may_not = (told("target", tmp_path, each, "--stream", action) for each in (with_right, without))

    assert ("ok", f"{action} may be created") in of(may, "rights")
    [(status, message)] = [each for each in of(may_not, "rights") if each[1].startswith(f"{action} ")]
    assert (status, permission in message) == ("stops", True)


def test_an_action_without_its_right_stops_only_a_run_that_has_it(world: Sandbox, tmp_path: Path) -> None:
    config = a_config(world.url, api_key="rk_test_charges")

    unnamed, named = doctor("target", tmp_path, config), doctor("target", tmp_path, config, "--stream", "products")

    assert (unnamed.code, named.code) == (0, 4)
    assert (
        "• rights       products may neither be created nor read: give the key the right rak_product_write"
        in unnamed.output
    )
    assert "✗ rights       products may neither be created nor read" in named.output


CHARGING: list[tuple[str, dict[str, Any], tuple[str, ...], str]] = [
    ("direct, and nobody says no", {}, (), "open: .* but not whether it may create charges directly.*charge_with"),
    ("by way of PaymentIntents", {"charge_with": "payment_intents"}, (), "ok: .*made as PaymentIntents"),
    ("closed in test mode", {"api_key": "sk_test_no_charges"}, ("--stream", "charges"), "open: .*test mode may"),
    ("closed in live mode", {"api_key": "sk_live_no_charges"}, (), "open: .*activation"),
    ("closed, with charges", {"api_key": "sk_live_no_charges"}, ("--stream", "charges"), "stops: .*activation"),
    ("not known", {"api_key": "rk_test_reader", "account_label": "x"}, (), "open: .*is not known"),
]


@pytest.mark.parametrize(
    ("settings", "options", "said"), [case[1:] for case in CHARGING], ids=[case[0] for case in CHARGING]
)
def test_whether_the_account_takes_charges_is_said_or_said_to_be_unknown(
    settings: dict[str, Any], options: tuple[str, ...], said: str, world: Sandbox, tmp_path: Path
) -> None:
    [(status, message)] = of(told("target", tmp_path, a_config(world.url) | settings, *options), "charging")

    assert re.match(said, f"{status}: {message}"), message


# The settings, what is in the environment, and what the line of the connection says.
LINES: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("nobody listens", {"base_url": CLOSED}, {}, "connection refused.*base_url"),
    ("no such host", {"base_url": "https://nowhere.invalid"}, {}, "host name could not be resolved.*base_url"),
    ("no TLS", {"base_url": "https://127.0.0.1:{port}"}, {}, "TLS failed.*REQUESTS_CA_BUNDLE"),
    (
        "a proxy that is not there",
        {"base_url": "https://nowhere.invalid"},
        {"HTTPS_PROXY": f"http://ann:{PASSWORD}@127.0.0.1:9"},
        "the proxy that HTTPS_PROXY names failed.*the proxy 127.0.0.1:9",
    ),
    ("another server", {"base_url": "http://127.0.0.1:{port}"}, {}, "HTTP 404 without Stripe's error object.*base_url"),
    ("a wrong key", {"api_key": "sk_test_wrong"}, {}, "does not accept the key.*setting api_key"),
]


@pytest.mark.parametrize(("settings", "env", "said"), [case[1:] for case in LINES], ids=[case[0] for case in LINES])
def test_a_line_that_does_not_hold_says_why_and_what_to_look_at(
    settings: dict[str, Any], env: dict[str, str], said: str, world: Sandbox, tmp_path: Path
) -> None:
    with a_server_of_something_else() as port:
        named = {name: value.format(port=port) for name, value in settings.items()}
        pace = {"max_requests_per_second": 1, "max_requests_per_second_total": 1, "give_up_after_s": 0.5}
        found = told("tap", tmp_path, a_config(world.url) | pace | named, **env)

    [(status, message)] = of(found, "connection")
    assert status == "stops"
    assert re.search(said, message), message
    assert of(found, "not yet") != []


@contextmanager
def a_server_of_something_else() -> Iterator[int]:
    """It has no page that is asked for, and speaks no TLS; its port."""
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


def test_a_connected_account_that_the_key_may_not_act_for_is_named(world: Sandbox, tmp_path: Path) -> None:
    found = told("target", tmp_path, a_config(world.url, account_id="acct_unknown"))

    [(status, message)] = of(found, "connection")
    assert status == "stops"
    assert message.startswith("the key may not act for the account acct_unknown: ")


def test_a_clock_that_is_off_is_said_and_stops_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.advance(7200)

    done = doctor("tap", tmp_path, a_config(sandbox.url))

    assert done.code == 0
    assert re.search(r"• clock +this machine's is 7[12]\d\d s behind Stripe's", done.output)


def test_the_version_that_stripe_answers_in_is_compared(world: Sandbox, tmp_path: Path) -> None:
    found = told("tap", tmp_path, a_config(world.url, api_version="2025-09-30.clover"))

    assert of(found, "version") == [("ok", "2025-09-30.clover is asked for, and answered in")]


def test_a_mistyped_variable_of_the_environment_is_told(world: Sandbox, tmp_path: Path) -> None:
    env = {
        "TAP_STRIPE_FLOW_STRAT_DATE": "2026-01-01",
        "TAP_STRIPE_FLOW__EU_START_DATE": "2026-01-01",  # of another connection
        "TAP_STRIPE_FLOW_API_KEY": CANARY,
        "TAP_STRIPE_FLOW_BASE_URL": world.url,
    }
    line = [sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", "tap", "--config", "ENV", "--json"]

    done = run(line, tmp_path, **env)

    found = of([json.loads(each) for each in done.output.splitlines()], "settings")
    assert [status for status, _ in found] == ["ok", "open"]
    assert "TAP_STRIPE_FLOW_STRAT_DATE is not a setting" in found[1][1]
    assert "did you mean TAP_STRIPE_FLOW_START_DATE?" in found[1][1]


@pytest.mark.parametrize(("plugin", "near"), [("tap", "charges"), ("target", "charges")])
def test_a_mistyped_stream_is_told(plugin: str, near: str, world: Sandbox, tmp_path: Path) -> None:
    [(status, message)] = of(told(plugin, tmp_path, a_config(world.url), "--stream", "chagres"), "settings")

    assert status == "stops"
    assert f"did you mean {near}?" in message


def test_without_settings_it_says_how_to_give_them(tmp_path: Path) -> None:
    done = run([sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", "tap"], tmp_path)

    assert done.code == 1
    assert "no settings were given: --config FILE reads a file, --config ENV the environment" in done.output


SHOWN = [({}, "utf-8", "\x1b[32m✓\x1b[0m "), ({"NO_COLOR": "1"}, "utf-8", "✓ "), ({"NO_COLOR": "1"}, "ascii", "+ ")]


@pytest.mark.parametrize(("env", "encoding", "sign"), SHOWN)
def test_a_terminal_has_colours_unless_nobody_wants_them(
    env: dict[str, str], encoding: str, sign: str, world: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "doctor.json").write_text(json.dumps(a_config(world.url)))
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
    """What a terminal shows until nobody writes to it any more."""
    parts = []
    try:
        while part := os.read(descriptor, 4096):
            parts.append(part)
    except OSError:
        pass  # so Linux says that the other end is closed
    finally:
        os.close(descriptor)
    return b"".join(parts).decode()
