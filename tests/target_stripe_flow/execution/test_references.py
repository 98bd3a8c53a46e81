from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import requests

from stripe_flow.api.client import Client
from stripe_flow.api.message import Request
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, OPEN, State
from target_stripe_flow.execution.references import References
from target_stripe_flow.journal.opening import open_in_memory
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import Missing, Rejected
from tests.stripe_flow.api.builders import KEY, a_client, allow_send
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.builders import an_attempt

SCOPE = Scope(account="acct_1", mode="test", source_name="default")
OTHERS = ("crm", "shop")
REFERENCED = sorted({(action, name) for spec in ACTIONS.values() for name, action in spec.references.items()})


@pytest.fixture
def journal() -> Iterator[Journal]:
    with open_in_memory() as (reader, writer):
        yield Journal("in memory", reader, writer)


@pytest.fixture
def references(journal: Journal) -> References:
    """References over an empty journal."""
    return References(journal)


def identity(*key: str, action: str = "customers", source_name: str = "default") -> Identity:
    return Identity(scope=replace(SCOPE, source_name=source_name), action=action, source_key=key)


def put(journal: Journal, of: Identity, state: State = State.CREATED, stripe_id: str | None = None) -> None:
    """A row of this identity."""
    row = an_attempt(state=state, stripe_id=stripe_id, digest=of.digest, action=of.action)
    journal.open_attempt(replace(row, source_name=of.scope.source_name, source_key=of.source_key))


def resolve(references: References, client: Client, name: str, action: str = "customers") -> str:
    return references.resolve(client, SCOPE, action, name, "customer")


def test_a_source_key_resolves_to_the_object_of_its_record(sandbox: Sandbox, references: References) -> None:
    references.learn(identity("c-1"), "cus_1")

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


@pytest.mark.parametrize("name", ["basic-plan", "a b", "../customers", "a/b", "?", "ü", "100%", "a.b", "%2e%2e", "#1"])
def test_the_id_of_a_product_may_be_any_text(sandbox: Sandbox, references: References, name: str) -> None:
    client = a_client(sandbox.url)
    make(client, "/v1/products", {"id": name, "name": "Basic"})

    assert resolve(references, client, name, "products") == name


@pytest.mark.parametrize("name", [".", "..", "", "a\0b"])
def test_an_id_that_would_name_another_path_is_never_asked_for(
    sandbox: Sandbox, references: References, name: str
) -> None:
    with pytest.raises(Rejected):
        resolve(references, a_client(sandbox.url), name, "products")

    assert sandbox.requests() == []


def test_a_deleted_object_is_rejected(sandbox: Sandbox, references: References) -> None:
    client = a_client(sandbox.url)
    made = a_customer(client)
    delete(f"{sandbox.url}/v1/customers/{made}")

    with pytest.raises(Rejected, match="deleted"):
        resolve(references, client, made)


@pytest.mark.promise("target 13", "A reference that fits several records is rejected as not clear")
@pytest.mark.parametrize(("action", "field"), REFERENCED)
@pytest.mark.parametrize("is_learned", [False, True])
def test_a_name_with_a_comma_is_the_one_known_key_or_not_clear(
    *, action: str, field: str, is_learned: bool, sandbox: Sandbox, journal: Journal, references: References
) -> None:
    one, two = identity("a,b", action=action), identity("a", "b", action=action)
    client = a_client(sandbox.url)
    put(journal, two, stripe_id="id_2")
    put(journal, identity("a,b", "c", action=action), stripe_id="id_3")
    if is_learned:
        references.learn(two, "id_2")

    assert references.resolve(client, SCOPE, action, "a,b", field) == "id_2"

    put(journal, one, stripe_id="id_1")
    if is_learned:
        references.learn(one, "id_1")
    with pytest.raises(Rejected, match="is not clear: 2 records") as caught:
        references.resolve(client, SCOPE, action, "a,b", field)
    assert (caught.value.field, isinstance(caught.value, Missing)) == (field, False)
    assert references.lane(SCOPE, action, "a,b") == references.lane(SCOPE, action, "a,b")
    with pytest.raises(Missing):  # ("a,b", "c") reads like ("a", "b", "c")
        references.resolve(client, SCOPE, action, "a,b,c", field)


@pytest.mark.parametrize("state", sorted(HAS_OBJECT | OPEN))
def test_an_open_record_makes_a_reference_unclear_too(
    state: State, sandbox: Sandbox, journal: Journal, references: References
) -> None:
    put(journal, identity("a,b"), state, "cus_1")
    put(journal, identity("a", "b"), stripe_id="cus_2")

    with pytest.raises(Rejected, match="is not clear"):
        resolve(references, a_client(sandbox.url), "a,b")


@pytest.mark.parametrize(("action", "field"), REFERENCED)
def test_a_key_of_another_source_is_found_unless_several_have_it(
    action: str, field: str, sandbox: Sandbox, journal: Journal
) -> None:
    references, client = References(journal, ["default", *OTHERS]), a_client(sandbox.url)
    put(journal, identity("7", action=action, source_name="crm"), stripe_id="id_crm")
    put(journal, identity("7", action=action, source_name="not configured"), stripe_id="id_x")

    assert references.resolve(client, SCOPE, action, "7", field) == "id_crm"

    put(journal, identity("7", action=action, source_name="shop"), stripe_id="id_shop")
    with pytest.raises(Rejected, match=r"is not clear: 2 .*source_name crm, shop") as caught:
        references.resolve(client, SCOPE, action, "7", field)
    assert caught.value.field == field
    assert references.lane(SCOPE, action, "7")

    put(journal, identity("7", action=action), stripe_id="id_own")
    assert references.resolve(client, SCOPE, action, "7", field) == "id_own"


@pytest.mark.parametrize("state", sorted(set(State) - HAS_OBJECT))
def test_the_own_record_hides_those_of_other_sources_though_it_has_no_object(
    state: State, sandbox: Sandbox, journal: Journal
) -> None:
    references = References(journal, ["default", *OTHERS])
    put(journal, identity("c-7"), state)
    put(journal, identity("c-7", source_name="crm"), stripe_id="cus_crm")

    with pytest.raises(Rejected):
        resolve(references, a_client(sandbox.url), "c-7")


def test_several_sources_with_one_object_are_clear(sandbox: Sandbox, journal: Journal) -> None:
    references = References(journal, OTHERS)
    for name in OTHERS:
        put(journal, identity("7", source_name=name), State.FOUND, "cus_1")

    assert resolve(references, a_client(sandbox.url), "7") == "cus_1"


@pytest.mark.promise("target 13", "A reference with blanks at its ends is rejected")
@pytest.mark.parametrize(("action", "field"), REFERENCED)
@pytest.mark.parametrize("padded", ["c-1 ", "\ufeffc-1", "c-1\u200b", "\tc-1", "c\0-1", "c-1\u00a0"])
def test_a_padded_reference_is_never_another_object(
    *, action: str, field: str, padded: str, sandbox: Sandbox, journal: Journal, references: References
) -> None:
    client = a_client(sandbox.url)

    with pytest.raises(Rejected) as unknown:
        references.resolve(client, SCOPE, action, padded, field)
    put(journal, identity("c-1", action=action), stripe_id="id_1")
    with pytest.raises(Rejected, match="the journal knows a record of") as known:
        references.resolve(client, SCOPE, action, padded, field)
    put(journal, identity(padded, action=action), stripe_id="id_2")

    assert (unknown.value.field, known.value.field) == (field, field)
    assert not isinstance(unknown.value, Missing)
    assert "knows" not in str(unknown.value)
    assert "c-1" not in f"{unknown.value}{known.value}"
    assert references.resolve(client, SCOPE, action, padded, field) == "id_2"
    assert sandbox.requests() == []


def test_a_source_key_and_its_stripe_id_share_a_lane(references: References) -> None:
    before = references.lane(SCOPE, "customers", "cus_1")  # of a charge before the record that finds cus_1

    references.alias(identity("c-1"), "cus_1")
    references.alias(identity("c-1 again"), "cus_1")
    references.alias(identity("c-9", source_name="crm"), "cus_1")
    references.learn(identity("c-2"), "cus_2")

    assert {references.lane(SCOPE, "customers", name) for name in ("cus_1", "c-1", "c-1 again")} == {before}
    crm = replace(SCOPE, source_name="crm")
    assert {references.lane(crm, "customers", name) for name in ("cus_1", "c-9")} == {before}
    assert references.lane(SCOPE, "customers", "cus_2") == references.lane(SCOPE, "customers", "c-2")
    assert references.lane(SCOPE, "customers", "c-1") != references.lane(SCOPE, "customers", "c-2")
    assert references.lane(SCOPE, "products", "c-1") != references.lane(SCOPE, "customers", "c-1")


def delete(url: str) -> None:
    requests.delete(url, auth=(KEY, ""), timeout=10).raise_for_status()


def a_customer(client: Client) -> str:
    return make(client, "/v1/customers", {})


def make(client: Client, path: str, parameters: dict[str, str]) -> str:
    body = urlencode(parameters).encode()
    answer = client.post(Request(method="POST", path=path, body=body, idempotency_key="k"), allow_send)
    return str(answer.value["id"])
