"""Several accounts in one run: each has its own records, bookmark and failures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.official import everything, official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, post

BOTH = ["self", CONNECTED]
STREAMS = ("charges", "refunds")
A_403 = {"type": "invalid_request_error", "message": "Having the 'rak_charge_read' permission would allow this."}


@pytest.fixture(scope="module")
def pair() -> Iterator[Sandbox]:
    """Two accounts with their own charges and refunds. Tests only read it."""
    with Sandbox("--charges", "120", "--days", "9") as running:
        post(running, [("/v1/charges", A_CHARGE)] * 30, account=CONNECTED)
        for charge in running.objects("charge", CONNECTED)[:7]:
            official(running, CONNECTED).v1.refunds.create({"charge": charge["id"]})
        yield running


@pytest.fixture
def own_pair() -> Iterator[Sandbox]:
    """Two accounts with their own charges and refunds, which a test may change."""
    with Sandbox() as running:
        for account in (PLATFORM, CONNECTED):
            post(running, [("/v1/charges", A_CHARGE)] * 10, account=account)
        running.advance(2_000)
        yield running


@pytest.fixture(scope="module")
def first_run(pair: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return run_tap(tmp_path_factory.mktemp("tap"), a_config(pair.url, account_ids=BOTH))


def partitions(state: Message, stream: str) -> dict[str, Message]:
    """The state of a stream by account."""
    return {each["context"]["_stripe_account"]: each for each in state["bookmarks"][stream]["partitions"]}


def forbidden(account: str, path: str = "/v1/charges") -> Message:
    rule = {"name": "forbidden", "match": {"account": account, "path": path}, "at": "before_read"}
    return {**rule, "action": {"kind": "answer", "status": 403, "error": A_403}}


def keys(done: Ended) -> dict[str, list[str]]:
    return {each["stream"]: each["key_properties"] for each in done.messages if each["type"] == "SCHEMA"}


def test_the_catalog_cannot_change_the_key_properties(pair: Sandbox, tmp_path: Path) -> None:
    catalog = json.loads(run_tap(tmp_path, {"account_ids": BOTH}, "--discover").output)
    for stream in catalog["streams"]:
        stream["key_properties"] = []

    both = run_tap(tmp_path, a_config(pair.url, account_ids=BOTH), catalog=catalog)

    assert keys(both) == {stream: ["id", "_stripe_account"] for stream in STREAMS}


def by_account(done: Ended, stream: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for record in done.records(stream):
        found.setdefault(record["_stripe_account"], set()).add(record["id"])
    return found


@pytest.mark.parametrize("stream", STREAMS)
def test_each_record_is_stripes_json_with_the_account_id(first_run: Ended, pair: Sandbox, stream: str) -> None:
    theirs = [
        {**each, "_stripe_account": account}
        for account in (PLATFORM, CONNECTED)
        for each in everything(getattr(official(pair, account).v1, stream))
    ]

    def key(record: Message) -> str:
        return str(record["id"])

    assert first_run.code == 0
    assert sorted(first_run.records(stream), key=key) == sorted(theirs, key=key)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_account_id_is_part_of_the_key_and_of_the_schema(first_run: Ended, stream: str) -> None:
    schema = next(each for each in first_run.messages if each["type"] == "SCHEMA" and each["stream"] == stream)

    assert schema["key_properties"] == ["id", "_stripe_account"]
    assert schema["schema"]["properties"]["_stripe_account"] == {"type": "string"}


@pytest.mark.parametrize("stream", STREAMS)
def test_each_account_has_its_bookmark(first_run: Ended, stream: str) -> None:
    found = partitions(first_run.states[-1], stream)

    assert sorted(found) == sorted([PLATFORM, CONNECTED])
    assert all(each["replication_key_value"] >= each["reread_from"] > 0 for each in found.values())


@pytest.mark.promise("tap 3", "The second run over several accounts emits nothing")
def test_the_second_run_over_accounts_emits_nothing(first_run: Ended, pair: Sandbox, tmp_path: Path) -> None:
    again = run_tap(tmp_path, a_config(pair.url, account_ids=BOTH), state=first_run.states[-1])

    assert again.code == 0
    assert [each for stream in STREAMS for each in again.records(stream)] == []


def test_no_partition_is_ahead_of_its_records(first_run: Ended) -> None:
    due = Counter((record["_stripe_account"], record["created"]) for record in first_run.records("charges"))
    out: Counter[tuple[str, int]] = Counter()

    for message in first_run.messages:
        if message["type"] == "RECORD" and message["stream"] == "charges":
            out[message["record"]["_stripe_account"], message["record"]["created"]] += 1
        elif message["type"] == "STATE" and "charges" in message["value"]["bookmarks"]:
            for account, each in partitions(message["value"], "charges").items():
                end = each.get("replication_key_value", 0)
                assert all(out[of, at] == count for (of, at), count in due.items() if of == account and at < end)


def test_an_account_named_twice_is_read_once(pair: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(pair.url, account_ids=["self", CONNECTED, PLATFORM, CONNECTED]))

    assert sorted(partitions(done.states[-1], "charges")) == sorted([PLATFORM, CONNECTED])
    assert len(done.records("charges")) == 150
    assert "reading the streams charges, refunds of 2 accounts" in done.log


def test_a_mapped_record_has_the_account_id_too(first_run: Ended, pair: Sandbox, tmp_path: Path) -> None:
    maps = {"charges": {"cents": "amount", "__else__": None, "id": "id", "_stripe_account": "_stripe_account"}}

    done = run_tap(tmp_path, a_config(pair.url, account_ids=BOTH, stream_maps=maps))

    assert by_account(done, "charges") == by_account(first_run, "charges")


@pytest.mark.promise("tap 8", "A failing account does not stop the others")
def test_a_failing_account_does_not_stop_the_others(own_pair: Sandbox, tmp_path: Path) -> None:
    settings = a_config(own_pair.url, account_ids=[CONNECTED, "self"])
    first = run_tap(tmp_path, settings)
    own_pair.advance(60)  # so that a state that goes on shows it
    for account in (PLATFORM, CONNECTED):
        post(own_pair, [("/v1/charges", A_CHARGE)] * 3, account=account)
    own_pair.faults(forbidden(CONNECTED))

    failed = run_tap(tmp_path, settings, state=first.states[-1])
    own_pair.faults()
    mended = run_tap(tmp_path, settings, state=failed.states[-1])

    assert failed.code == 2
    assert len(by_account(failed, "charges")[PLATFORM]) == 3
    assert CONNECTED not in by_account(failed, "charges")
    before, after = (partitions(each.states[-1], "charges") for each in (first, failed))
    assert after[CONNECTED] == before[CONNECTED]
    assert after[PLATFORM] != before[PLATFORM]
    assert partitions(failed.states[-1], "refunds")[CONNECTED] != partitions(first.states[-1], "refunds")[CONNECTED]
    assert {account: len(ids) for account, ids in by_account(mended, "charges").items()} == {CONNECTED: 3}
    assert mended.code == 0


def test_a_failure_names_stream_endpoint_account_and_permission(own_pair: Sandbox, tmp_path: Path) -> None:
    own_pair.faults(forbidden(CONNECTED))

    done = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH))

    assert len(done.errors) == 1
    assert all(word in done.errors[0] for word in ("stream charges", "GET /v1/charges", CONNECTED, "rak_charge_read"))


def test_a_failure_in_the_middle_keeps_the_records_and_state_before_it(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    accounts = {PLATFORM: {"charges": 0}, CONNECTED: {"charges": 4_000, "days": 300}}
    keys.write_text(json.dumps({"accounts": accounts, "keys": {Sandbox.key: {"account": PLATFORM}}}))
    with Sandbox("--keys", str(keys)) as sandbox:
        settings = a_config(sandbox.url, account_ids=[CONNECTED, PLATFORM], concurrency=4)
        sandbox.faults({**forbidden(CONNECTED), "skip": 42, "times": 1})

        failed = run_tap(tmp_path, settings)
        mended = run_tap(tmp_path, settings, state=failed.states[-1])
        made = {each["id"] for each in sandbox.objects("charge", CONNECTED)}

    ids = Counter(record["id"] for done in (failed, mended) for record in done.records("charges"))
    assert (failed.code, mended.code) == (2, 0)
    assert 0 < len(failed.records("charges")) < 4_000
    assert set(ids) == made
    assert set(ids.values()) == {1}


def test_an_account_that_the_key_may_not_act_for_is_named(own_pair: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(own_pair.url, account_ids=["acct_1Stranger", "self"]))

    assert done.code == 2
    assert all("acct_1Stranger" in line for line in done.errors)
    assert len(done.errors) == len(STREAMS)
    assert set(by_account(done, "charges")) == {PLATFORM}


@pytest.mark.promise("tap 8", "`--test` reports each stream and account")
def test_the_test_option_reports_each_stream_and_account(own_pair: Sandbox, tmp_path: Path) -> None:
    own_pair.faults(forbidden(CONNECTED, "/v1/refunds"))

    done = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH), "--test")

    assert done.code == 2
    assert done.output == ""
    for stream, account in (("charges", PLATFORM), ("charges", CONNECTED), ("refunds", PLATFORM)):
        assert f"stream {stream} of account {account}: the key may read it" in done.log
    assert [f"stream refunds of account {CONNECTED}" in line for line in done.errors] == [True]


def test_an_account_that_is_left_out_keeps_its_state(own_pair: Sandbox, tmp_path: Path) -> None:
    both = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH))
    for account in (PLATFORM, CONNECTED):
        post(own_pair, [("/v1/charges", A_CHARGE)] * 3, account=account)

    one = run_tap(tmp_path, a_config(own_pair.url, account_ids=["self"]), state=both.states[-1])
    again = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH), state=one.states[-1])

    assert set(by_account(one, "charges")) == {PLATFORM}
    for stream in STREAMS:
        assert partitions(one.states[-1], stream)[CONNECTED] == partitions(both.states[-1], stream)[CONNECTED]
    assert {account: len(ids) for account, ids in by_account(again, "charges").items()} == {CONNECTED: 3}


def test_a_run_of_one_account_keeps_the_state_of_several(own_pair: Sandbox, tmp_path: Path) -> None:
    both = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH))

    alone = run_tap(tmp_path, a_config(own_pair.url), state=both.states[-1])
    again = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH), state=alone.states[-1])

    assert len(alone.records("charges")) == 10  # its own bookmark begins now
    assert again.records("charges") == []


def test_a_run_of_several_accounts_keeps_the_state_of_one(own_pair: Sandbox, tmp_path: Path) -> None:
    alone = run_tap(tmp_path, a_config(own_pair.url))

    both = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH), state=alone.states[-1])
    again = run_tap(tmp_path, a_config(own_pair.url), state=both.states[-1])

    assert len(both.records("charges")) == 20
    assert again.records("charges") == []


@pytest.mark.parametrize("selected", [True, False])
def test_a_catalog_discovered_without_accounts_is_refused(own_pair: Sandbox, tmp_path: Path, *, selected: bool) -> None:
    catalog = json.loads(run_tap(tmp_path, a_config(own_pair.url), "--discover").output)
    if not selected:
        for stream in catalog["streams"]:
            next(each for each in stream["metadata"] if not each["breadcrumb"])["metadata"]["selected"] = False
    before = len(own_pair.requests())

    done = run_tap(tmp_path, a_config(own_pair.url, account_ids=BOTH), catalog=catalog)

    assert done.code == 1
    assert "discover again" in done.errors[0]
    assert done.messages == []
    assert len(own_pair.requests()) == before


def test_a_catalog_discovered_with_accounts_is_accepted(own_pair: Sandbox, tmp_path: Path) -> None:
    settings = a_config(own_pair.url, account_ids=BOTH)
    catalog = json.loads(run_tap(tmp_path, settings, "--discover").output)

    done = run_tap(tmp_path, settings, catalog=catalog)

    assert done.code == 0
    assert {account: len(ids) for account, ids in by_account(done, "charges").items()} == {PLATFORM: 10, CONNECTED: 10}


def test_a_key_that_may_not_read_its_account_needs_the_account_id(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    rights = {"charge": "read"}
    keys.write_text(json.dumps({"keys": {"rk_test_reader": {"account": PLATFORM, "rights": rights}}}))
    with Sandbox("--keys", str(keys)) as sandbox:
        key = {"api_key": "rk_test_reader"}
        by_self = run_tap(tmp_path, a_config(sandbox.url, account_ids=BOTH) | key)
        by_id = run_tap(tmp_path, a_config(sandbox.url, account_ids=[PLATFORM, CONNECTED]) | key)

    assert by_self.code == 1
    assert len(by_self.errors) == 1
    assert all(word in by_self.errors[0] for word in ("account_ids", "self", "acct_…"))
    assert by_self.messages == []
    assert by_id.code == 0


@pytest.mark.parametrize("wrong", ["", "me", "acct_", "acct_1/x", "SELF", "cus_1"])
def test_an_invalid_account_id_is_refused(own_pair: Sandbox, tmp_path: Path, wrong: str) -> None:
    done = run_tap(tmp_path, a_config(own_pair.url, account_ids=[wrong]))

    assert done.code == 1
    assert len(done.errors) == 1
    assert done.messages == []


def test_a_partition_of_an_old_state_is_not_read_without_its_account(own_pair: Sandbox, tmp_path: Path) -> None:
    context = {"context": {"_stripe_account": "acct_1Gone"}, "replication_key_value": 5, "reread_from": 5}
    state = {"bookmarks": {"charges": {"partitions": [context]}}}

    done = run_tap(tmp_path, a_config(own_pair.url, account_ids=["self"]), state=state)

    assert done.code == 0
    assert {each["headers"].get("stripe-account") for each in own_pair.requests() if each["method"] == "GET"} == {None}
    assert partitions(done.states[-1], "charges")["acct_1Gone"] == context
