from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from stripe_flow.api.client import Client
from stripe_flow.api.message import Request
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.execution.references import References
from target_stripe_flow.journal.opening import open_in_memory
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import Missing, Rejected
from tests.stripe_flow.api.builders import KEY, a_client, allow_send
from tests.support.sandbox import Sandbox

SCOPE = Scope(account="acct_1", mode="test", source_name="default")


@pytest.fixture
def references() -> Iterator[References]:
    """References over an empty journal."""
    with open_in_memory() as (reader, writer):
        yield References(Journal("in memory", reader, writer), SCOPE)


def resolve(references: References, client: Client, name: str) -> str:
    return references.resolve(client, "customers", "/v1/customers", name, "customer")


def test_a_source_key_resolves_to_the_object_of_its_record(sandbox: Sandbox, references: References) -> None:
    references.learn("customers", ("c-1",), "cus_1")

    assert resolve(references, a_client(sandbox.url), "c-1") == "cus_1"
    assert sandbox.requests() == []


def test_a_stripe_id_is_confirmed_once(sandbox: Sandbox, references: References) -> None:
    client = a_client(sandbox.url)
    made = a_customer(client)

    assert [resolve(references, client, made), resolve(references, client, made)] == [made, made]
    assert [each["path"] for each in sandbox.requests() if made in each["path"]] == [f"/v1/customers/{made}"]


@pytest.mark.parametrize("name", ["c-2", "cus_unknown", "../charges", "cus_1?expand[]=x", "", "ü"])
def test_an_unknown_reference_is_rejected(sandbox: Sandbox, references: References, name: str) -> None:
    with pytest.raises(Missing, match="is neither the key of a record") as caught:
        resolve(references, a_client(sandbox.url), name)

    assert caught.value.field == "customer"


def test_a_deleted_object_is_rejected(sandbox: Sandbox, references: References) -> None:
    client = a_client(sandbox.url)
    made = a_customer(client)
    delete(f"{sandbox.url}/v1/customers/{made}")

    with pytest.raises(Rejected, match="deleted"):
        resolve(references, client, made)


def test_keys_with_the_same_joined_text_are_not_resolved(sandbox: Sandbox, references: References) -> None:
    references.learn("customers", ("a,b", "c"), "cus_1")
    references.learn("customers", ("a", "b,c"), "cus_2")
    references.learn("customers", ("a", "b"), "cus_3")

    assert resolve(references, a_client(sandbox.url), "a,b") == "cus_3"
    with pytest.raises(Rejected):
        resolve(references, a_client(sandbox.url), "a,b,c")


def test_a_source_key_and_its_stripe_id_share_a_lane(references: References) -> None:
    before = references.lane("customers", "cus_1")  # of a charge before the record that finds cus_1

    references.alias("customers", ("c-1",), "cus_1")
    references.alias("customers", ("c-1 again",), "cus_1")
    references.learn("customers", ("c-2",), "cus_2")

    assert {references.lane("customers", name) for name in ("cus_1", "c-1", "c-1 again")} == {before}
    assert references.lane("customers", "cus_2") == references.lane("customers", "c-2")
    assert references.lane("customers", "c-1") != references.lane("customers", "c-2")
    assert references.lane("products", "c-1") != references.lane("customers", "c-1")


def delete(url: str) -> None:
    requests.delete(url, auth=(KEY, ""), timeout=10).raise_for_status()


def a_customer(client: Client) -> str:
    answer = client.post(Request(method="POST", path="/v1/customers", body=b"", idempotency_key="k"), allow_send)
    return str(answer.value["id"])
