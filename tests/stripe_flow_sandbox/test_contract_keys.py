"""Keys, modes, permissions and accounts as the official client meets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_customer, a_keys_file, a_payment, a_price
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

READS: dict[str, Callable[[Any], Any]] = {
    "charge": lambda client: client.charges.list(),
    "customer": lambda client: client.customers.list(),
    "product": lambda client: client.products.list(),
    "event": lambda client: client.events.list(),
    "payment_intent": lambda client: client.payment_intents.list(),
    "payment_method": lambda client: client.payment_methods.list(),
    "plan": lambda client: client.prices.list(),
    "accounts_kyc_basic": lambda client: client.accounts.retrieve_current(),
}


@pytest.mark.parametrize("key", ["sk_test_other", "rk_live_sandbox", "nonsense"])
def test_an_unknown_key_is_refused_with_401_and_not_repeated(shared: Sandbox, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        a_client(shared, key=key).charges.list()

    assert refused.value.http_status == 401
    assert key not in str(refused.value)
    assert refused.value.request_id


def test_a_publishable_key_can_do_nothing(shared: Sandbox) -> None:
    with pytest.raises(stripe.PermissionError) as refused:
        a_client(shared, key="pk_test_sandbox").charges.list()

    assert refused.value.json_body["error"]["code"] == "secret_key_required"


def test_the_default_restricted_key_may_do_everything(shared: Sandbox) -> None:
    assert a_charge(a_client(shared, key="rk_test_sandbox")).status == "succeeded"


def test_the_log_shows_no_key(shared: Sandbox, client: Any) -> None:
    a_customer(client)

    assert "sk_test" not in str(shared.requests())
    assert "authorization" not in {name for each in shared.requests() for name in each["headers"]}


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sandbox with one key for each permission, for reading."""
    keys: dict[str, dict[str, object]] = {
        f"rk_test_{permission}": {"rights": {permission: "read"}} for permission in READS
    }
    file = a_keys_file(tmp_path_factory.mktemp("keys"), {PLATFORM: {}}, {**keys, Sandbox.key: {}})
    with Sandbox("--keys", file) as running:
        yield running


@pytest.mark.parametrize("permission", READS)
def test_a_restricted_key_reads_what_it_may_and_the_error_names_the_missing_permission(
    restricted: Sandbox, permission: str
) -> None:
    client = a_client(restricted, key=f"rk_test_{permission}")

    for other, read in READS.items():
        if other == permission:
            read(client)
            continue
        with pytest.raises(stripe.PermissionError) as refused:
            read(client)
        assert refused.value.http_status == 403
        assert f"'rak_{other}_read'" in str(refused.value)
        assert PLATFORM in str(refused.value)
        assert f"rk_test_{permission}'" not in str(refused.value)


def test_a_read_permission_does_not_allow_writing(restricted: Sandbox) -> None:
    with pytest.raises(stripe.PermissionError, match="rak_charge_write"):
        a_charge(a_client(restricted, key="rk_test_charge"))

    assert restricted.objects("charge") == []


def test_each_new_type_is_written_with_its_own_permission(restricted: Sandbox) -> None:
    writes: dict[str, Callable[[Any], Any]] = {
        "payment_intent": a_payment,
        "payment_method": lambda client: client.payment_methods.attach("pm_card_visa", {"customer": "cus_1"}),
        "plan": a_price,
    }

    for permission, write in writes.items():
        with pytest.raises(stripe.PermissionError, match=f"rak_{permission}_write"):
            write(a_client(restricted, key=f"rk_test_{permission}"))
    assert restricted.objects("payment_intent") == restricted.objects("price") == []


def test_the_permission_for_charges_covers_refunds(restricted: Sandbox) -> None:
    assert a_client(restricted, key="rk_test_charge").refunds.list().data == []


def test_a_connected_account_has_objects_of_its_own(shared: Sandbox, client: Any) -> None:
    theirs = a_client(shared, account=CONNECTED)
    made, paid, price = a_customer(theirs), a_payment(theirs), a_price(theirs)

    assert theirs.customers.retrieve(made.id).id == made.id
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.customers.retrieve(made.id)
    assert missing.value.http_status == 404
    for kind, one in (("payment_intent", paid), ("price", price)):
        assert [each["id"] for each in shared.objects(kind, CONNECTED)] == [one.id]
        assert one.id not in [each["id"] for each in shared.objects(kind)]
    assert theirs.accounts.retrieve_current().id == CONNECTED
    assert client.accounts.retrieve_current().id == PLATFORM


def test_an_account_that_is_not_connected_is_refused_with_403(shared: Sandbox) -> None:
    with pytest.raises(stripe.PermissionError) as refused:
        a_client(shared, account="acct_stranger").charges.list()

    assert refused.value.json_body["error"]["code"] == "account_invalid"


def test_one_modes_objects_are_invisible_in_the_other(tmp_path: Path) -> None:
    keys = a_keys_file(tmp_path, {PLATFORM: {}}, {"sk_test_one": {}, "sk_live_one": {}})

    with Sandbox("--keys", keys) as sandbox:
        test, live = a_client(sandbox, key="sk_test_one"), a_client(sandbox, key="sk_live_one")
        made = a_charge(test)

        assert live.charges.list().data == []
        with pytest.raises(stripe.InvalidRequestError) as missing:
            live.charges.retrieve(made.id)
        assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
        assert (made.livemode, a_charge(live).livemode) == (False, True)
        assert "livemode" not in live.refunds.create({"charge": live.charges.list().data[0].id}).to_dict()
        assert "livemode" not in live.accounts.retrieve_current().to_dict()


def test_a_live_sandbox_takes_live_keys_only_and_says_livemode() -> None:
    with Sandbox("--live", "--charges", "3") as sandbox:
        live = a_client(sandbox, key="sk_live_sandbox")

        assert [each.livemode for each in live.charges.list().data] == [True] * 3
        assert live.customers.list({"limit": 1}).data[0].livemode
        with pytest.raises(stripe.AuthenticationError):
            a_client(sandbox).charges.list()


def test_every_answer_carries_date_request_id_and_version(shared: Sandbox, client: Any) -> None:
    pinned = a_client(shared, version="2024-06-20").charges.list().last_response.headers
    usual = client.charges.list().last_response.headers

    assert pinned["Stripe-Version"] == "2024-06-20"
    assert usual["Stripe-Version"] == stripe.api_version
    assert usual["Request-Id"].startswith("req_")
    assert usual["Request-Id"] != pinned["Request-Id"]
    assert usual["Date"].endswith(" GMT")


def test_an_older_version_shows_refunds_inside_charges(shared: Sandbox, client: Any) -> None:
    made = a_charge(client)
    old = a_client(shared, version="2020-08-27")

    assert old.charges.retrieve(made.id).refunds.data == []
    assert "invoice" in old.charges.list({"limit": 1}).data[0].to_dict()
    assert "refunds" not in a_client(shared, version="2022-11-15").charges.retrieve(made.id).to_dict()


def test_a_version_that_is_none_is_refused(shared: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="version"):
        a_client(shared, version="latest").charges.list()
