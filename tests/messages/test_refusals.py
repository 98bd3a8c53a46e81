"""What Stripe refuses of a key or an account: which right, stream, record or account, and what next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.messages.saying import assert_clean, assert_says, counted
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, a_state, run_tap, run_target
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

RIGHTS = {"charge": "read", "customer": "read", "account": "read"}
A_401 = {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_*****ary1"}
A_400 = {"type": "invalid_request_error", "message": "Canary Jones may not be charged"}
NOT_THE_KEY = r"Stripe does not accept the key \(HTTP 401.*, request req_\w+\)\. Check the setting api_key"
NO_ACCOUNT = r"for account acct_1Nobody: there is no such account, .*\(HTTP 403.* Check the account's id"
TEN = [a_record("customers", id=number, name="Canary Jones") for number in range(10)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """With keys that may not do everything."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    restricted = {"account": PLATFORM, "rights": RIGHTS}
    unnamed = {"account": PLATFORM, "rights": {"charge": "read"}}
    found = {Sandbox.key: {"account": PLATFORM}, "rk_test_reader": restricted, "rk_test_unnamed": unnamed}
    keys.write_text(json.dumps({"keys": found | {"sk_test_another": {"account": CONNECTED}}}))
    with Sandbox("--keys", str(keys), "--charges", "30") as running:
        yield running


def answering(status: int, error: Message, *, skip: int = 0, **match: str) -> Message:
    action = {"kind": "answer", "status": status, "error": error}
    return {"name": "refusing", "match": match, "skip": skip, "action": action}


TAP: list[tuple[str, Message, int, str]] = [
    (
        "an unknown account",
        {"account_ids": ["acct_1Nobody"]},
        4,
        f"stream (charges|refunds) of .* failed, .*{NO_ACCOUNT}",
    ),
    (
        "an unknown account among others",
        {"account_ids": ["self", "acct_1Nobody"]},
        2,
        f"stream (charges|refunds) of account acct_1Nobody failed, its state is unchanged: .*{NO_ACCOUNT}",
    ),
    (
        "an unknown customer",
        {"customer_ids": ["cus_nobody"]},
        2,
        "stream customers: GET /v1/customers/cus_nobody: there is no such object .*404.* Check the id, and .* the mode",
    ),
    (
        "a key that may not ask whose it is",
        {"api_key": "rk_test_unnamed", "account_ids": ["self"]},
        1,
        "setting account_ids: .*the id of `self` is unknown .*Replace `self` with the account's id, acct_…",
    ),
]


@pytest.mark.parametrize(("settings", "code", "said"), [case[1:] for case in TAP], ids=[case[0] for case in TAP])
def test_the_message_for_a_refusal_of_the_tap_names_the_object_and_the_fix(
    *, settings: Message, code: int, said: str, guarded: Sandbox, tmp_path: Path
) -> None:
    done = run_tap(tmp_path, a_config(guarded.url) | settings)

    assert done.code == code
    assert_says(said, done.errors[0])
    assert_clean(done.log)


@pytest.mark.parametrize("option", [(), ("--test",)], ids=["a run", "a test"])
def test_a_missing_permission_is_named_with_its_stream_and_account(
    option: tuple[str, ...], guarded: Sandbox, tmp_path: Path
) -> None:
    catalog: Message = {
        "streams": [
            {"tap_stream_id": name, "schema": {"properties": {"id": {}, "_stripe_account": {}}}, "metadata": [SELECTED]}
            for name in ("charges", "payouts")
        ]
    }

    settings = a_config(guarded.url, api_key="rk_test_reader", account_ids=[PLATFORM])
    done = run_tap(tmp_path, settings, *option, catalog=catalog)

    assert (done.code, len(done.errors)) == (2, 1)
    failed = f"stream payouts of account {PLATFORM} failed, its state is unchanged: GET /v1/payouts"
    assert_says(
        rf"{failed}.*: the key lacks the permission rak_payout_read \(HTTP 403.*Give the restricted", done.errors[0]
    )


SELECTED: Message = {"breadcrumb": [], "metadata": {"selected": True}}


def test_a_key_that_is_revoked_during_a_run_stops_the_tap_with_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(answering(401, A_401, path="/v1/refunds"))

    done = run_tap(tmp_path, a_config(sandbox.url, streams_at_once=1))

    assert (done.code, len(done.errors)) == (4, 1)
    assert_says(f"GET /v1/refunds: {NOT_THE_KEY}", done.errors[0])
    assert done.states
    assert_clean(done.log)


def send(sandbox: Sandbox, folder: Path, lines: list[Message], **settings: object) -> Ended:
    stream = str(lines[0]["stream"])
    return run_target(
        folder, a_config(sandbox.url, concurrency=1, **settings), [a_schema(stream), *lines, a_state(a=1)]
    )


def test_a_key_that_is_withdrawn_in_the_middle_stops_the_target_and_loses_nothing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults(answering(401, A_401, skip=3, method="POST"))

    done = send(sandbox, tmp_path, TEN)
    sandbox.faults()
    again = send(sandbox, tmp_path, TEN)

    assert (done.code, len(done.errors), done.output) == (4, 1, "")
    assert_says(f"POST /v1/customers: {NOT_THE_KEY}", done.errors[0])
    assert_clean(done.log)
    assert (again.code, len(sandbox.objects("customer"))) == (0, 10)


CHARGES = [a_record("charges", id=f"c{n}", amount=100, currency="usd", source="tok_visa") for n in range(9)]
TARGET: list[tuple[str, list[Message], Message, int, str]] = [
    ("an account that is none", TEN, {"account_id": "acct_1Nobody"}, 4, f"POST /v1/customers {NO_ACCOUNT}"),
    (
        "a right that is missing",
        TEN,
        {"api_key": "rk_test_reader", "account_label": "ours"},
        4,
        r"POST /v1/customers: the key lacks the permission rak_customer_write \(HTTP 403.*Give the restricted key",
    ),
    (
        "a key that may not ask whose it is",
        TEN,
        {"api_key": "rk_test_unnamed"},
        1,
        "the key may not read its own account, .*: set account_id to .* or account_label",
    ),
    (
        "rejects where none is wanted",
        [a_record("customers", id=1, email=["canary"])],
        {"on_reject": "fail"},
        2,
        "stopped at line 2: email: must be text.* see .*rejects.jsonl",
    ),
]


@pytest.mark.parametrize(
    ("lines", "settings", "code", "said"), [case[1:] for case in TARGET], ids=[case[0] for case in TARGET]
)
def test_what_stripe_refuses_the_target_is_told(
    *, lines: list[Message], settings: Message, code: int, said: str, guarded: Sandbox, tmp_path: Path
) -> None:
    done = send(guarded, tmp_path, lines, **settings)

    assert (done.code, len(done.errors), done.output) == (code, 1, "")
    assert_says(said, done.errors[0])
    assert_clean(done.log)


def test_an_account_that_is_closed_to_charging_is_told_with_the_way_out(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(answering(400, A_400, path="/v1/charges", method="POST"))

    done = send(sandbox, tmp_path, CHARGES)

    assert (done.code, len(done.errors), done.output) == (4, 1, "")
    assert_says(r"may not create charges: the first 5 .*\(HTTP 400.*set charge_with to payment_intents", done.errors[0])
    assert_clean(done.log)
    assert counted(done, "rejected") == 0


CHECK = {"type": "SCHEMA", "stream": "meltano_test_stream", "schema": {"properties": {}}, "key_properties": ["id"]}


def test_the_check_of_a_connection_knows_an_account_that_is_none(guarded: Sandbox, tmp_path: Path) -> None:
    done = run_target(tmp_path, a_config(guarded.url, account_id="acct_1Nobody"), [CHECK])

    assert (done.code, len(done.errors)) == (4, 1)
    assert_says(f"GET /v1/customers {NO_ACCOUNT}", done.errors[0])


OTHERS = {
    "another account": {"api_key": "sk_test_another"},
    "another account to act for": {"account_id": CONNECTED},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_journal_of_another_account_is_said_before_anything_is_sent(
    other: Message, guarded: Sandbox, tmp_path: Path
) -> None:
    first = send(guarded, tmp_path, TEN[:1])

    done = run_target(tmp_path, a_config(guarded.url) | other, [])
    own = send(guarded, tmp_path, TEN[:1])

    assert_says(
        f"WARNING .*the journal .* has no rows of {CONNECTED} .test., only of {PLATFORM} .test.: .* If that is "
        "wrong, stop this run and check api_key, account_id and journal_url",
        done.log,
    )
    assert "has no rows of" not in first.log + own.log


def test_a_live_key_on_a_journal_of_tests_is_said(tmp_path: Path) -> None:
    with Sandbox() as tests, Sandbox("--live") as live:
        send(tests, tmp_path, TEN[:1])
        refused = run_target(tmp_path, a_config(live.url, api_key="sk_live_sandbox"), [])

        allowed = run_target(tmp_path, a_config(live.url, api_key="sk_live_sandbox", allow_live=True), [])
        another = run_target(tmp_path, a_config(tests.url, api_key="sk_live_sandbox", allow_live=True), [])

    assert (refused.code, allowed.code, another.code) == (1, 0, 4)
    assert_says("holds a live key, with which real money moves: set allow_live", refused.errors[0])
    assert_says(f"WARNING .*has no rows of {PLATFORM} .live., only of {PLATFORM} .test.", allowed.log)
    assert_says(NOT_THE_KEY, another.errors[0])
