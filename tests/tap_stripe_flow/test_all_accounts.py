"""`account_ids: [all]`: the key's own account, and every connected account that the platform lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.plugins import Ended, Message, a_config, command, run, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, post

ALL = ["all"]
LIST = "/v1/accounts"
# More than one page of Stripe's list.
CROWD = 130
FEW = 3
# The rights of keys, as the sandbox names them.
RIGHTS = {
    "rk_test_blind": {"charge": "read", "connected_account": "read"},
    "rk_test_alone": {"charge": "read", "accounts_kyc_basic": "read"},
    "rk_test_enough": {"charge": "read", "accounts_kyc_basic": "read", "connected_account": "read"},
}


def made(count: int) -> list[str]:
    """The ids that a new sandbox gives to its first accounts, oldest first."""
    with Sandbox() as running:
        return running.make("account", count)


@pytest.fixture(scope="module")
def connected() -> list[str]:
    return made(CROWD)


def a_platform(folder: Path, connected: Sequence[str]) -> Sandbox:
    """A sandbox of a platform and these connected accounts, once it is told to `make` them."""
    file = folder / "keys.json"
    accounts: Message = {account: {} for account in (PLATFORM, *connected)}
    keys = {name: {"account": PLATFORM, "rights": rights} for name, rights in RIGHTS.items()}
    file.write_text(json.dumps({"accounts": accounts, "keys": {Sandbox.key: {"account": PLATFORM}, **keys}}))
    return Sandbox("--keys", str(file))


@pytest.fixture
def platform(connected: list[str], tmp_path: Path) -> Iterator[Sandbox]:
    """A platform and a few connected accounts, each with a charge. A test may change it."""
    with a_platform(tmp_path, connected[:FEW]) as running:
        running.make("account", FEW)
        charge_each(running, [PLATFORM, *connected[:FEW]])
        yield running


def charge_each(sandbox: Sandbox, accounts: Sequence[str]) -> None:
    """A settled charge in each of these accounts."""
    for account in accounts:
        post(sandbox, [("/v1/charges", A_CHARGE)], account=account)
    sandbox.advance(2_000)


def partitions(done: Ended, stream: str = "charges") -> dict[str, Message]:
    """The last state of a stream by account."""
    return {each["context"]["_stripe_account"]: each for each in done.states[-1]["bookmarks"][stream]["partitions"]}


def asked(sandbox: Sandbox, path: str) -> list[str | None]:
    """The accounts of the reads of `path`; None: the key's own."""
    reads = (each for each in sandbox.requests() if (each["method"], each["path"]) == ("GET", path))
    return [each["headers"].get("stripe-account") for each in reads]


def pages(sandbox: Sandbox) -> int:
    """How many whole pages of the list of accounts were requested."""
    return sum(each["path"] == LIST and "limit=100" in each["query"] for each in sandbox.requests())


@pytest.mark.promise("tap 9", "`account_ids: [all]` reads the key's own account and every connected one")
def test_all_accounts_are_the_own_one_and_every_connected_one(connected: list[str], tmp_path: Path) -> None:
    with a_platform(tmp_path, connected) as running:
        running.make("account", CROWD)
        done = run_tap(tmp_path, a_config(running.url, account_ids=ALL))
        charges, read = asked(running, "/v1/charges"), pages(running)

    assert done.code == 0
    assert set(partitions(done)) == set(partitions(done, "refunds")) == {PLATFORM, *connected}
    assert sorted(filter(None, charges)) == sorted(connected)
    assert charges.count(None) == 1
    assert read == 2  # once for both streams


def test_an_account_that_joins_is_read_and_one_that_leaves_keeps_its_state(
    connected: list[str], tmp_path: Path
) -> None:
    leaving, staying, joining = connected[:3]
    with a_platform(tmp_path, connected[:3]) as running:
        config = a_config(running.url, account_ids=ALL)
        running.make("account", 2)
        charge_each(running, connected[:3])
        first = run_tap(tmp_path, config)
        running.delete("account", leaving)
        running.make("account", 1)
        second = run_tap(tmp_path, config, state=first.states[-1])
        charges = asked(running, "/v1/charges")

    assert set(partitions(first)) == {PLATFORM, leaving, staying}
    assert set(partitions(second)) == {PLATFORM, leaving, staying, joining}
    assert (second.code, charges.count(leaving), charges.count(staying)) == (0, 1, 2)
    assert partitions(second)[leaving] == partitions(first)[leaving]
    assert {each["_stripe_account"] for each in second.records("charges")} == {joining}


@pytest.mark.parametrize("names", [["all", "self"], [CONNECTED, "all"], ["all", "ALL"]])
def test_all_has_no_others_beside_it(platform: Sandbox, tmp_path: Path, names: list[str]) -> None:
    before = len(platform.requests())

    done = run_tap(tmp_path, a_config(platform.url, account_ids=names))

    assert (done.code, done.messages) == (1, [])
    assert len(done.errors) == 1
    assert "account_ids" in done.errors[0]
    assert len(platform.requests()) == before


WAYS = {
    "run": ("tap_stripe_flow",),
    "--test": ("tap_stripe_flow", "--test"),
    "discover": ("tap_stripe_flow", "--discover"),
    "slices": ("stripe_flow_cli", "slices"),
    "doctor": ("stripe_flow_cli", "doctor", "--plugin", "tap"),
}


def ended(way: str, folder: Path, config: dict[str, object]) -> Ended:
    """A command that resolves the accounts of these settings."""
    module, *options = WAYS[way]
    python, *_, file = command("tap_stripe_flow", folder, config)
    return run([python, "-m", module, *options, "--config", file], folder)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("key", "permission"),
    [("rk_test_blind", "rak_accounts_kyc_basic_read"), ("rk_test_alone", "rak_connected_account_read")],
)
def test_a_key_that_may_not_list_them_is_told_the_setting_and_the_permission(
    platform: Sandbox, tmp_path: Path, key: str, permission: str, way: str
) -> None:
    config = a_config(platform.url, account_ids=ALL, discover_permitted_only=True) | {"api_key": key}

    done = ended(way, tmp_path, config)

    assert done.code == 1
    said = done.output + done.log
    assert all(word in said for word in ("setting account_ids", permission, "`all`"))
    assert "RECORD" not in done.output
    assert "Traceback" not in said


@pytest.mark.parametrize("way", WAYS)
def test_every_command_reads_all_accounts(platform: Sandbox, connected: list[str], tmp_path: Path, way: str) -> None:
    config = a_config(platform.url, account_ids=ALL, discover_permitted_only=True) | {"api_key": "rk_test_enough"}

    done = ended(way, tmp_path, config)

    assert pages(platform) == 1
    if way == "slices":
        assert {each["account"] for each in json.loads(done.output)} == {PLATFORM, *connected[:FEW]}
    if way != "discover":  # there the first account that permits a stream is enough
        assert set(asked(platform, "/v1/charges")) >= set(connected[:FEW])


def test_an_account_without_access_fails_alone(platform: Sandbox, tmp_path: Path) -> None:
    [stranger] = platform.make("account")

    done = run_tap(tmp_path, a_config(platform.url, account_ids=ALL))

    assert done.code == 2
    assert all(stranger in line for line in done.errors)
    assert len({each["_stripe_account"] for each in done.records("charges")}) == 1 + FEW


def test_a_list_that_hides_its_end_ends_the_run(connected: list[str], tmp_path: Path) -> None:
    with a_platform(tmp_path, connected) as running:
        running.make("account", CROWD)
        running.faults({"name": "hides", "match": {"path": LIST}, "action": {"kind": "empty_page", "has_more": True}})
        done = run_tap(tmp_path, a_config(running.url, account_ids=ALL))
        charges = asked(running, "/v1/charges")

    assert (done.code, done.messages, charges) == (2, [], [])
    assert [LIST in line for line in done.errors] == [True]


def test_the_accounts_of_customer_ids_need_no_list(platform: Sandbox, connected: list[str], tmp_path: Path) -> None:
    config = a_config(platform.url, account_ids=ALL, customer_ids=[f"{connected[0]}/cus_1", "cus_2"])

    done = run_tap(tmp_path, config, catalog=only_customers(tmp_path, config))
    no_account = config | {"customer_ids": ["all/cus_1"]}
    refused = run_tap(tmp_path, no_account, catalog=only_customers(tmp_path, no_account))

    assert asked(platform, LIST) == []
    assert asked(platform, "/v1/customers/cus_1") == [connected[0]]
    assert asked(platform, "/v1/customers/cus_2") == [None]
    assert done.code == 2  # both are unknown to Stripe
    assert refused.code == 1
    assert "'all'" in refused.errors[0]


def test_another_spelling_of_all_is_suggested_where_it_is_accepted(platform: Sandbox, tmp_path: Path) -> None:
    config = a_config(platform.url, account_ids=["ALL"])
    of_customers = config | {"account_ids": ["self"], "customer_ids": ["ALL/cus_1"]}

    done = run_tap(tmp_path, config)
    refused = run_tap(tmp_path, of_customers, catalog=only_customers(tmp_path, of_customers))

    assert (done.code, refused.code) == (1, 1)
    assert "did you mean all?" in done.errors[0]
    assert "did you mean" not in refused.errors[0]


def only_customers(folder: Path, config: dict[str, object]) -> Message:
    catalog: Message = json.loads(run_tap(folder, config, "--discover").output)
    for stream in catalog["streams"]:
        whole = next(each["metadata"] for each in stream["metadata"] if not each["breadcrumb"])
        whole["selected"] = stream["tap_stream_id"] == "customers"
    return catalog
