"""`reread_after_h`: streams whose events the tap cannot list are read whole again under `capture: changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tap_stripe_flow.streams import STREAMS
from tests.support.plugins import Message
from tests.support.scenes import Scenes
from tests.tap_stripe_flow.capture.replica import Replica

NOW, HOUR_S, DAY_S = 1_790_000_000, 3_600, 86_400
COUNT = 3


def an_account(number: int, name: str = "old", *, days: int = 400) -> Message:
    created = NOW - days * DAY_S + number * 60
    return {"id": f"acct_{number}", "object": "account", "created": created, "name": name}


def accounts(name: str = "old", count: int = COUNT) -> dict[str, Sequence[Message]]:
    return {"/v1/accounts": [an_account(number, name) for number in range(count)]}


def first_run(stripe: Scenes, **settings: object) -> Replica:
    replica = Replica(stream="accounts", url=stripe.url, settings=settings)
    assert len(replica.run()) == COUNT
    return replica


def ids(records: Sequence[Message]) -> list[str]:
    return sorted(record["id"] for record in records)


EVERY = [f"acct_{number}" for number in range(COUNT)]


@pytest.mark.promise("tap 4", "Accounts and their child objects are read whole again after `reread_after_h` hours")
def test_all_accounts_are_emitted_again_once_after_the_hours() -> None:
    with Scenes(now=NOW, lists=accounts()) as stripe:
        replica = first_run(stripe)
        found = {}
        for after_s in (HOUR_S, DAY_S - 60, DAY_S + 60, DAY_S + HOUR_S, 2 * DAY_S, 2 * DAY_S + 180):
            stripe.set(now=NOW + after_s, lists=accounts(f"after {after_s}"))
            found[after_s] = replica.run()

    assert {after_s: ids(records) for after_s, records in found.items() if records} == {
        DAY_S + 60: EVERY,
        2 * DAY_S + 180: EVERY,
    }
    assert {row["name"] for row in replica.rows.values()} == {f"after {2 * DAY_S + 180}"}
    assert not any("gap_from" in state for state in replica.states[-1:])


def test_a_run_that_is_late_emits_them_once_and_new_ones_too() -> None:
    with Scenes(now=NOW, lists=accounts()) as stripe:
        replica = first_run(stripe)
        new = an_account(9, days=-2)
        stripe.set(now=NOW + 5 * DAY_S, lists={"/v1/accounts": [*accounts()["/v1/accounts"], new]})
        records = replica.run()

    assert ids(records) == [*EVERY, "acct_9"]


@pytest.mark.parametrize("settings", [{"reread_after_h": 0}, {"capture": "new"}], ids=str)
def test_they_are_not_read_again(settings: Mapping[str, object]) -> None:
    with Scenes(now=NOW, lists=accounts()) as stripe:
        replica = first_run(stripe, **settings)
        stripe.set(now=NOW + 30 * DAY_S)
        records = replica.run()

    assert records == []
    assert "reread_at" not in replica.state


def test_a_state_without_the_time_counts_from_the_first_run() -> None:
    with Scenes(now=NOW, lists=accounts()) as stripe:
        replica = first_run(stripe, capture="new")
        found = []
        for after_s in (2 * DAY_S, 3 * DAY_S - 60, 3 * DAY_S + 60):
            stripe.set(now=NOW + after_s)
            found.append(ids(replica.run(capture="changes")))

    assert found == [[], [], EVERY]


@pytest.mark.promise("tap 4", "A run that is killed while accounts are read again goes on where it stopped")
@pytest.mark.parametrize("killed_after", [1, 2, 3, 4, 5])
def test_a_killed_run_goes_on_where_it_stopped(killed_after: int) -> None:
    with Scenes(now=NOW, lists={"/v1/accounts": many("old")}) as stripe:
        replica = Replica(stream="accounts", url=stripe.url)
        replica.run()
        stripe.set(now=NOW + DAY_S + 60, lists={"/v1/accounts": many("new")})
        killed = replica.run(killed_after=killed_after)
        stripe.set(now=NOW + DAY_S + 120)
        again = replica.run()
        stripe.set(now=NOW + DAY_S + 180)
        quiet = replica.run()

    assert {row["name"] for row in replica.rows.values()} == {"new"}
    assert len({record["id"] for record in (*killed, *again)}) == len(many("new"))
    assert len(killed) + len(again) <= len(many("new")) + 700  # one window is repeated at most
    assert quiet == []


def many(name: str) -> list[Message]:
    return [an_account(number, name) for number in range(1_500)]


def test_the_dates_bound_what_is_read_again() -> None:
    dated = {"start_date": "2025-01-01", "end_date": "2026-01-01"}
    entries = {days: an_account(days, days=days) for days in (900, 500, 30)}
    with Scenes(now=NOW, lists={"/v1/accounts": list(entries.values())}) as stripe:
        replica = Replica(stream="accounts", url=stripe.url, settings=dated)
        first = ids(replica.run())
        stripe.set(now=NOW + 2 * DAY_S)
        again = ids(replica.run())

    assert first == again == ["acct_500"]


def test_child_objects_are_read_again_with_their_accounts() -> None:
    persons = [{"id": f"person_{n}", "object": "person", "created": NOW - DAY_S, "account": "acct_0"} for n in range(2)]
    lists = {**accounts(count=1), "/v1/accounts/acct_0/persons": persons}
    with Scenes(now=NOW, lists=lists) as stripe:
        replica = Replica(stream="persons", url=stripe.url)
        found = [ids(replica.run())]
        for after_s in (HOUR_S, DAY_S + 60, DAY_S + HOUR_S):
            stripe.set(now=NOW + after_s)
            found.append(ids(replica.run()))

    assert found == [["person_0", "person_1"], [], ["person_0", "person_1"], []]


def test_no_stream_with_events_is_read_whole_again() -> None:
    again = {spec.name for spec in STREAMS if spec.listed.is_reread}

    assert again == {"accounts", "persons", "external_accounts"}
    assert not any(spec.listed.events or spec.listed.deleted_by for spec in STREAMS if spec.name in again)
