"""Test clocks, and the customers on them, as the official client makes and finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.stripe_flow_sandbox.builders import a_client, a_customer, a_keys_file
from tests.support.sandbox import Sandbox

PAST = 1_600_000_000


@pytest.fixture
def client(sandbox: Sandbox) -> Any:  # Any: see `a_client`
    """The official client of an empty sandbox."""
    return a_client(sandbox)


def a_clock(client: Any, **params: object) -> Any:  # Any: see `a_client`
    return client.test_helpers.test_clocks.create({"frozen_time": PAST, "name": "renewals", **params})


def ids(found: Any) -> list[str]:
    return [each.id for each in found.auto_paging_iter()]


def test_a_clock_is_made_read_and_listed(client: Any) -> None:
    one, two = a_clock(client), a_clock(client, frozen_time=PAST + 1)
    clocks = client.test_helpers.test_clocks

    read = clocks.retrieve(one.id)

    assert (read.object, read.frozen_time, read.name) == ("test_helpers.test_clock", PAST, "renewals")
    assert (read.status, read.livemode, one.id.startswith("clock_")) == ("ready", False, True)
    assert read.deletes_after > read.created > PAST
    assert ids(clocks.list({"limit": 1})) == [two.id, one.id]


def test_a_customer_on_a_clock_has_its_time_and_is_listed_only_by_its_clock(client: Any) -> None:
    clock, other = a_clock(client), a_clock(client)
    outside, on_clock = a_customer(client), a_customer(client, test_clock=clock.id)

    assert (on_clock.created, on_clock.test_clock) == (PAST, clock.id)
    assert ids(client.customers.list()) == ids(client.customers.list({"email": "ada@example.com"})) == [outside.id]
    assert ids(client.customers.list({"created": {"lte": PAST}})) == []
    assert ids(client.customers.list({"test_clock": clock.id})) == [on_clock.id]
    assert ids(client.customers.list({"test_clock": clock.id, "email": "ada@example.com"})) == [on_clock.id]
    assert ids(client.customers.list({"test_clock": other.id})) == []
    assert client.customers.retrieve(on_clock.id, {"expand": ["test_clock"]}).test_clock.frozen_time == PAST


def test_pages_skip_the_customers_on_clocks(client: Any) -> None:
    clock = a_clock(client, frozen_time=2_000_000_000)
    made = [a_customer(client, **({"test_clock": clock.id} if number % 2 else {})).id for number in range(9)]

    assert ids(client.customers.list({"limit": 2})) == made[::2][::-1]
    assert ids(client.customers.list({"limit": 2, "test_clock": clock.id})) == made[1::2][::-1]


def test_an_advanced_clock_is_ready_at_its_new_time(client: Any) -> None:
    clocks = client.test_helpers.test_clocks
    clock = a_clock(client)

    advancing = clocks.advance(clock.id, {"frozen_time": PAST + 60})
    ready = clocks.retrieve(clock.id)

    assert (advancing.status, advancing.status_details.advancing.target_frozen_time) == ("advancing", PAST + 60)
    assert (ready.status, ready.frozen_time) == ("ready", PAST + 60)
    assert a_customer(client, test_clock=clock.id).created == PAST + 60
    with pytest.raises(stripe.InvalidRequestError):
        clocks.advance(clock.id, {"frozen_time": PAST})


def test_a_deleted_clock_takes_its_customers_with_it(client: Any) -> None:
    clock = a_clock(client)
    on_clock, outside = a_customer(client, test_clock=clock.id), a_customer(client)

    assert client.test_helpers.test_clocks.delete(clock.id).deleted
    assert client.customers.retrieve(on_clock.id).deleted
    assert ids(client.customers.list()) == [outside.id]
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        a_customer(client, test_clock=clock.id)
    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "test_clock")


def test_a_customer_may_name_a_clock_that_nobody_made(client: Any) -> None:
    """Not as at Stripe, which refuses it: tests may name any clock."""
    on_clock = a_customer(client, test_clock="clock_mine")

    assert ids(client.test_helpers.test_clocks.list()) == ["clock_mine"]
    assert client.test_helpers.test_clocks.retrieve("clock_mine").frozen_time == on_clock.created


def test_clocks_need_a_permission_of_their_own(tmp_path: Path) -> None:
    keys = {"sk_test_all": {"account": "acct_1"}, "rk_test_no": {"account": "acct_1", "rights": {"customer": "read"}}}
    with Sandbox("--keys", a_keys_file(tmp_path, {"acct_1": {}}, keys)) as sandbox:  # type: ignore[arg-type]  # JSON
        assert ids(a_client(sandbox, "sk_test_all").test_helpers.test_clocks.list()) == []
        with pytest.raises(stripe.PermissionError, match="rak_billing_clock_read"):
            a_client(sandbox, "rk_test_no").test_helpers.test_clocks.list()


def test_there_are_no_clocks_in_live_mode() -> None:
    with Sandbox("--live") as sandbox:
        client = a_client(sandbox, "sk_live_sandbox")
        with pytest.raises(stripe.InvalidRequestError):
            a_clock(client)
        with pytest.raises(stripe.InvalidRequestError):
            a_customer(client, test_clock="clock_mine")


@pytest.mark.parametrize(
    ("kind", "showing"),
    [
        ("quote", ("test_clock", "customer")),
        ("subscription", ("test_clock", "customer")),
        ("subscription_schedule", ("customer",)),
    ],
)
def test_billing_on_a_clock_is_listed_by_clock_or_customer(
    kind: str, showing: tuple[str, ...], client: Any, sandbox: Sandbox
) -> None:
    service = getattr(client, f"{kind}s")
    outside, on_clock = sandbox.make(kind, 2)
    named = {"test_clock": "clock_mine", "customer": "cus_mine"}
    sandbox.change(kind, on_clock, **named)

    assert ids(service.list()) == [outside]
    for name in showing:
        assert ids(service.list({name: named[name]})) == [on_clock]
