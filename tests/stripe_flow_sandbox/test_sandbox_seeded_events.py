"""A seeded account has the events of its last 30 days, and they agree with its objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stripe_flow_sandbox.builders import a_charge, a_client, a_keys_file
from tests.support.sandbox import PLATFORM, Sandbox

DAY_S = 24 * 60 * 60
NOW = 1_700_000_000


@pytest.fixture(scope="module", params=["even", "bursty"])
def recent(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """300 charges of the last 20 days, so that every object has its events: read it, do not change it."""
    with Sandbox("--charges", "300", "--days", "20", "--density", request.param) as running:
        yield running


def events_by_object(sandbox: Sandbox, *types: str) -> dict[str, dict[str, Any]]:
    """All events of these types, by the id of their object; each object has one."""
    events = [each for each in sandbox.objects("event") if each["type"] in types]
    by_object = {each["data"]["object"]["id"]: each for each in events}
    assert len(by_object) == len(events)
    return by_object


def test_each_seeded_object_has_one_event_of_its_creation(recent: Sandbox) -> None:
    for noun in ("refund", "customer", "product"):
        events, held = events_by_object(recent, f"{noun}.created"), recent.objects(noun)

        assert {key: each["data"]["object"] for key, each in events.items()} == {each["id"]: each for each in held}
        assert all(each["created"] == each["data"]["object"]["created"] for each in events.values())


def test_events_of_a_seeded_charge_show_it_before_and_after_its_refund(recent: Sandbox) -> None:
    charges = {each["id"]: each for each in recent.objects("charge")}
    refunds = {each["charge"]: each for each in recent.objects("refund")}
    paid, failed, refunded = (
        events_by_object(recent, f"charge.{ending}") for ending in ("succeeded", "failed", "refunded")
    )

    assert paid.keys() | failed.keys() == charges.keys()
    assert {key for key, each in charges.items() if each["status"] == "failed"} == failed.keys()
    for key, event in (paid | failed).items():
        assert event["data"]["object"] == charges[key] | {"amount_refunded": 0, "refunded": False}
    assert refunded.keys() == refunds.keys()
    for key, event in refunded.items():
        assert (event["data"]["object"], event["created"]) == (charges[key], refunds[key]["created"])


def test_the_official_client_reads_each_seeded_event_once_by_page_type_and_id(recent: Sandbox) -> None:
    held, client = recent.objects("event"), a_client(recent)

    read = [each.id for each in client.events.list({"limit": 100}).auto_paging_iter()]
    of_refunds = [each.id for each in client.events.list({"type": "refund.*", "limit": 7}).auto_paging_iter()]

    assert read == [each["id"] for each in held][::-1]
    assert len(set(read)) == len(read)
    assert of_refunds == [each["id"] for each in held if each["type"] == "refund.created"][::-1]
    assert client.events.retrieve(read[5]).to_dict() == held[-6]


def test_seeded_events_of_one_second_are_in_no_order() -> None:
    with Sandbox("--charges", "2000", "--now", str(NOW)) as sandbox:
        busiest = Counter(each["created"] for each in sandbox.objects("charge")).most_common(1)[0][0]
        made = [each["id"] for each in sandbox.objects("charge") if each["created"] == busiest]
        events = [each["data"]["object"] for each in sandbox.objects("event") if each["created"] == busiest]

    in_order_of_events = [each["id"] for each in events if each["object"] == "charge" and each["id"] in made]
    assert set(in_order_of_events) == set(made)
    assert in_order_of_events not in (made, made[::-1])


def test_only_the_last_30_days_have_events_and_events_expire() -> None:
    with Sandbox("--charges", "500", "--days", "90", "--now", str(NOW)) as sandbox:
        client = a_client(sandbox)
        young = [each for each in sandbox.objects("charge") if each["created"] >= NOW - 30 * DAY_S]
        held = sandbox.objects("event")
        sandbox.set_clock(NOW + 29 * DAY_S)
        left = client.events.list({"limit": 100}).data

    assert 0 < len(young) < 500
    assert sum(each["type"] in ("charge.succeeded", "charge.failed") for each in held) == len(young)
    assert {each.id for each in left} == {each["id"] for each in held if each["created"] >= NOW - DAY_S}


def test_a_past_that_ended_over_30_days_ago_has_only_new_events() -> None:
    with Sandbox("--charges", "1", "--days", "400", "--now", str(NOW)) as sandbox:
        sandbox.set_clock(NOW + 31 * DAY_S)
        client = a_client(sandbox)

        made = [a_charge(client).id for _ in range(20)]

        listed = client.events.list({"limit": 100}).data
    assert {each.data.object.id for each in listed} == set(made)


def test_new_events_are_listed_with_seeded_ones(tmp_path: Path) -> None:
    keys = a_keys_file(tmp_path, {PLATFORM: {"charges": 90, "api_version": "2020-08-27"}}, {Sandbox.key: {}})

    with Sandbox("--keys", keys) as sandbox:
        before = sandbox.objects("event")
        client = a_client(sandbox)
        made = [a_charge(client).id for _ in range(150)]
        listed = [each.to_dict() for each in client.events.list({"limit": 100}).auto_paging_iter()]

    assert len({each["id"] for each in listed}) == len(listed) == len(before) + 150
    assert {each["data"]["object"]["id"] for each in listed[:150]} == set(made)
    assert {each["api_version"] for each in listed} == {"2020-08-27"}
    assert all("invoice" in each["data"]["object"] for each in listed if each["type"] == "charge.succeeded")


def test_the_same_seed_gives_the_same_events() -> None:
    def events() -> list[dict[str, Any]]:
        with Sandbox("--charges", "40", "--seed", "7", "--now", str(NOW)) as sandbox:
            return sandbox.objects("event")

    assert events() == events()
