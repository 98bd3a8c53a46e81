"""What only code can check of the settings of one plugin: told in one line, before anything is read or sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import Message, a_config, command, run
from tests.support.sandbox import Sandbox

TAP, TARGET = "tap_stripe_flow", "target_stripe_flow"
A_POSTGRES = "postgresql://u:canary1234@{}/d"

# How it is provoked, and what is said: what happened, to what, what next.
CASES: list[tuple[str, str, Message, str]] = [
    ("a version that is none", TAP, {"api_version": "2026"}, "setting api_version must look like 2026-10-28"),
    ("a path in the URL", TAP, {"base_url": "https://x/v1"}, "setting base_url must be .* only, like https://api"),
    ("a password in the URL", TAP, {"base_url": "https://u:canary@x"}, "base_url must not carry .* password"),
    ("no URL", TARGET, {"base_url": "nonsense"}, "setting base_url must be .* like https://api.stripe.com"),
    ("a port that is none", TARGET, {"base_url": "https://x:y"}, "setting base_url is not a URL; the usual value is"),
    ("an account that is none", TAP, {"account_ids": ["me"]}, "must look like acct_…, not 'me': mend .*account_ids"),
    ("the other's setting", TAP, {"allow_live": True}, "setting allow_live is unknown: see --about"),
    ("a reference mistyped", TAP, {"expand": ["costumer"]}, "expand names 'costumer', .*did you mean customer"),
    ("a reference of nobody", TAP, {"expand": ["zzz"]}, "expand names 'zzz', .*: .*balance_transaction"),
    (
        "dates that change places",
        TAP,
        {"start_date": "2026-02-01", "end_date": "2026-01-01"},
        "start_date must be before end_date: .* empty",
    ),
    ("an end to come", TAP, {"end_date": "2099-01-01"}, "end_date must be at least overlap_s .* leave it out"),
    (
        "a start to come",
        TAP,
        {"start_date": "2099-01-01"},
        r"setting start_date is 2099-01-01T00:00:00Z, and by Stripe's clock it is only 20\d\d-.*Write an earlier one",
    ),
    (
        "an expression that is none",
        TAP,
        {"stream_maps": {"charges": {"x": "1 +"}}},
        r"setting stream_maps: .*1 \+.*: mend it",
    ),
    ("an account that is none to act for", TARGET, {"account_id": "me"}, "acct_…, not 'me': mend .*account_id"),
    ("a live key", TARGET, {"api_key": "sk_live_canary12"}, "holds a live key, .* set allow_live to true .* test key"),
    (
        "a live key without a journal",
        TARGET,
        {"api_key": "sk_live_canary12", "allow_live": True},
        "no journal .*journal.db, .*live key.* `stripe-flow journal init`; if it was lost, .*`stripe-flow journal reb",
    ),
    ("a journal that is no URL", TARGET, {"journal_url": "my.db"}, "setting journal_url is no URL: write sqlite:"),
    (
        "a journal on another database",
        TARGET,
        {"journal_url": "mysql://u:canary@h/d"},
        "setting journal_url must name an SQLite file or a PostgreSQL database",
    ),
    (
        "a database that nobody serves",
        TARGET,
        {"journal_url": A_POSTGRES.format("127.0.0.1:9")},
        r"journal postgresql://u:\*\*\*@127.0.0.1:9/d .*[Cc]onnection refused.*: check that the database runs, and",
    ),
    (
        "a database without a name",
        TARGET,
        {"journal_url": A_POSTGRES.format("nowhere.invalid")},
        r"journal postgresql://u:\*\*\*@nowhere.invalid/d .*resolve.*: check that the database runs",
    ),
]


@pytest.mark.parametrize(("plugin", "settings", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_wrong_setting_of_one_plugin_is_one_clear_line(
    *, plugin: str, settings: Message, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    done = run(command(plugin, tmp_path, a_config(sandbox_url) | settings), tmp_path, LOGLEVEL="DEBUG")

    assert (done.code, len(done.errors)) == (1, 1), done.log
    assert_says(said, done.errors[0])
    assert {each["type"] for each in done.messages} <= {"SCHEMA"}
    assert_clean(done.log)


def test_a_selection_of_nothing_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text('{"streams": []}')
    line = command("tap_stripe_flow", tmp_path, a_config(sandbox.url), "--catalog", "catalog.json")

    done = run(line, tmp_path)

    assert (done.code, done.output) == (0, "")
    assert_says("WARNING .*no stream is selected, so nothing is read: select some in the catalog", done.log)


def test_what_is_read_is_said_in_one_line_and_what_is_not_in_none(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(command("tap_stripe_flow", tmp_path, a_config(sandbox.url)), tmp_path)

    assert "reading the streams charges, refunds" in done.log
    assert "deselected" not in done.log
