"""Settings of one plugin that only code can check: reported in one line, before anything is read or sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import Message, a_config, command, run
from tests.support.sandbox import Sandbox

TAP, TARGET = "tap_stripe_flow", "target_stripe_flow"
A_POSTGRES = "postgresql://u:canary1234@{}/d"

# A name, the plugin, its settings and the expected message.
CASES: list[tuple[str, str, Message, str]] = [
    ("an invalid version", TAP, {"api_version": "2026"}, "setting api_version must look like 2026-10-28"),
    ("a path in the URL", TAP, {"base_url": "https://x/v1"}, "setting base_url must be .* only, like https://api"),
    ("a password in the URL", TAP, {"base_url": "https://u:canary@x"}, "base_url must not carry .* password"),
    ("a word for a URL", TARGET, {"base_url": "nonsense"}, "setting base_url must be .* like https://api.stripe.com"),
    ("an invalid port", TARGET, {"base_url": "https://x:y"}, "setting base_url is not a URL; the usual value is"),
    (
        "an invalid account",
        TAP,
        {"account_ids": ["me"]},
        "must look like acct_…, not 'me': correct it in .*account_ids",
    ),
    ("a setting of the other plugin", TAP, {"allow_live": True}, "setting allow_live is unknown: see --about"),
    ("a mistyped reference", TAP, {"expand": ["costumer"]}, "expand names 'costumer', .*did you mean customer"),
    ("an unknown reference", TAP, {"expand": ["zzz"]}, "expand names 'zzz', .*: .*balance_transaction"),
    (
        "dates in the wrong order",
        TAP,
        {"start_date": "2026-02-01", "end_date": "2026-01-01"},
        "start_date must be before end_date: .* empty",
    ),
    ("an end in the future", TAP, {"end_date": "2099-01-01"}, "end_date must be at least overlap_s .* leave it out"),
    (
        "a start in the future",
        TAP,
        {"start_date": "2099-01-01"},
        r"setting start_date is 2099-01-01T00:00:00Z, which is in the future: .* shows 20\d\d-.*Set an earlier date",
    ),
    (
        "an invalid expression",
        TAP,
        {"stream_maps": {"charges": {"x": "1 +"}}},
        r"setting stream_maps: .*1 \+.*: fix the setting or remove it",
    ),
    ("an invalid account", TARGET, {"account_id": "me"}, "acct_…, not 'me': correct it in .*account_id"),
    ("a live key", TARGET, {"api_key": "sk_live_canary12"}, "holds a live key, .* set allow_live to true .* test key"),
    (
        "a live key without a journal",
        TARGET,
        {"api_key": "sk_live_canary12", "allow_live": True},
        "no journal .*journal.db, .*live key.* `stripe-flow journal init --config .*`; if it was lost, .*`stripe-flow ",
    ),
    (
        "a journal that is not a URL",
        TARGET,
        {"journal_url": "my.db"},
        "setting journal_url is not a URL: write sqlite:",
    ),
    (
        "a journal on another database",
        TARGET,
        {"journal_url": "mysql://u:canary@h/d"},
        "setting journal_url must name an SQLite file or a PostgreSQL database",
    ),
    (
        "a database that does not run",
        TARGET,
        {"journal_url": A_POSTGRES.format("127.0.0.1:9")},
        r"journal postgresql://\*\*\*@127.0.0.1:9/d .*[Cc]onnection refused.*: check that the database runs, and",
    ),
    (
        "a database on an unknown host",
        TARGET,
        {"journal_url": A_POSTGRES.format("nowhere.invalid")},
        r"journal postgresql://\*\*\*@nowhere.invalid/d .*resolve.*: check that the database runs",
    ),
]


@pytest.mark.parametrize(
    ("plugin", "settings", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_wrong_setting_of_one_plugin_is_one_clear_line(
    *, plugin: str, settings: Message, message: str, sandbox_url: str, tmp_path: Path
) -> None:
    done = run(command(plugin, tmp_path, a_config(sandbox_url) | settings), tmp_path, LOGLEVEL="DEBUG")

    assert (done.code, len(done.errors)) == (1, 1), done.log
    assert_says(message, done.errors[0])
    assert {each["type"] for each in done.messages} <= {"SCHEMA"}
    assert_clean(done.log)


def test_the_selected_streams_are_logged_in_one_line_and_others_are_not(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(command("tap_stripe_flow", tmp_path, a_config(sandbox.url)), tmp_path)

    assert "reading the streams charges, refunds" in done.log
    assert "deselected" not in done.log
