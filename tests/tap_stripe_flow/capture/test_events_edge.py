"""Events at the edge of the 30 days for which Stripe keeps them: nothing falls out without a word."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from tests.support.plugins import Message
from tests.support.scenes import Answer, Scenes
from tests.tap_stripe_flow.capture.replica import Replica

NOW, HOUR_S, DAY_S = 1_790_000_000, 3_600, 86_400
KEPT_S = 30 * DAY_S
SAID = "are read again"


def a_charge(amount: int, *, number: int = 1, created: int = NOW - 200 * DAY_S) -> Message:
    return {"id": f"ch_{number}", "object": "charge", "created": created, "amount": amount}


def an_event(at: int, charge: Message, number: int = 0) -> Message:
    kept = {"_until": at + KEPT_S}
    event = {"id": f"evt_{at}_{number}", "object": "event", "type": "charge.updated", "created": at}
    return event | {"data": {"object": charge}} | kept


def first_run(stripe: Scenes, **settings: object) -> Replica:
    replica = Replica(stream="charges", url=stripe.url, settings=settings)
    replica.run()
    return replica


def begun(charges: Sequence[Message]) -> Scenes:
    return Scenes(now=NOW, lists={"/v1/charges": charges, "/v1/events": []})


@pytest.fixture(autouse=True)
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.mark.promise("tap 4", "If events pass the 30 days during a run, the run logs it and reads their objects again")
def test_what_fell_out_between_the_list_and_the_events_is_read_again_and_said(said: pytest.LogCaptureFixture) -> None:
    with begun([a_charge(1)]) as stripe:
        replica = first_run(stripe)
        late = Answer(path="/v1/events", times=1, first_now=NOW + KEPT_S + HOUR_S)
        lists = {"/v1/charges": [a_charge(2)], "/v1/events": [an_event(NOW + HOUR_S // 2, a_charge(2))]}
        stripe.set(now=NOW + KEPT_S - HOUR_S, lists=lists, answers=[late])
        replica.run()
        changed, words = dict(replica.rows), said.text
        said.clear()
        stripe.set(now=NOW + KEPT_S + HOUR_S + 600)
        quiet = replica.run()

    assert changed == {"ch_1": a_charge(2)}
    assert SAID in words
    assert (quiet, said.text) == ([], "")


@pytest.mark.promise("tap 4", "A run that is killed after events became too old loses nothing")
@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_run_that_is_killed_after_events_fell_out_loses_nothing(killed_after: int) -> None:
    """Killed after each of its states; the next run follows at once, or much later."""
    for pause_s in (60, 2 * DAY_S):
        with begun([a_charge(1)]) as stripe:
            replica = first_run(stripe)
            late = Answer(path="/v1/events", times=1, first_now=NOW + KEPT_S + HOUR_S)
            lists = {"/v1/charges": [a_charge(2)], "/v1/events": [an_event(NOW + HOUR_S // 2, a_charge(2))]}
            stripe.set(now=NOW + KEPT_S - HOUR_S, lists=lists, answers=[late])
            replica.run(killed_after=killed_after)
            stripe.set(now=NOW + KEPT_S + HOUR_S + pause_s)
            # A long pause is a gap of its own: objects of `events_gap_days` are read again.
            replica.run(events_gap_days=300)

        assert replica.rows == {"ch_1": a_charge(2)}


def test_what_falls_out_while_the_pages_of_the_events_are_read_is_read_again(said: pytest.LogCaptureFixture) -> None:
    """The newest events come first: while their pages are read, the oldest fall out."""
    others = [a_charge(1, number=number, created=NOW - 100 * DAY_S) for number in range(2, 152)]
    with begun([a_charge(1), *others]) as stripe:
        replica = first_run(stripe)
        newer = [an_event(NOW + 5 * HOUR_S + number, each, number) for number, each in enumerate(others)]
        leap = Answer(path="/v1/events", has=["starting_after"], times=1, first_now=NOW + KEPT_S + 2 * HOUR_S)
        lists = {
            "/v1/charges": [a_charge(2), *others],
            "/v1/events": [an_event(NOW + HOUR_S, a_charge(2)), *newer],
        }
        stripe.set(now=NOW + KEPT_S - HOUR_S, lists=lists, answers=[leap])
        replica.run()

    assert replica.rows["ch_1"] == a_charge(2)
    assert SAID in said.text


@pytest.mark.parametrize("before_edge_s", [HOUR_S, DAY_S, 20 * DAY_S])
def test_nothing_is_read_again_while_all_events_are_kept(before_edge_s: int, said: pytest.LogCaptureFixture) -> None:
    with begun([a_charge(1), a_charge(1, number=2)]) as stripe:
        replica = first_run(stripe)
        lists = {
            "/v1/charges": [a_charge(2), a_charge(1, number=2)],
            "/v1/events": [an_event(NOW + 60, a_charge(2))],
        }
        stripe.set(now=NOW + KEPT_S - before_edge_s, lists=lists)
        changed = replica.run()

    assert changed == [a_charge(2)]
    assert SAID not in said.text


def test_a_bookmark_within_the_margin_is_a_gap(said: pytest.LogCaptureFixture) -> None:
    """An event that is listed now may be gone with the next request."""
    with begun([a_charge(1), a_charge(1, number=2, created=NOW - 10 * DAY_S)]) as stripe:
        replica = first_run(stripe)
        young = a_charge(2, number=2, created=NOW - 10 * DAY_S)
        stripe.set(now=NOW + KEPT_S - 60, lists={"/v1/charges": [a_charge(1), young]})
        changed = replica.run()

    assert changed == [young]
    assert "events_gap_days" in said.text


@pytest.mark.parametrize("before_edge_s", [299, 60, 0])
def test_after_a_gap_every_event_that_stripe_still_shows_counts(before_edge_s: int) -> None:
    """Also one that is nearer to the edge than what a later run could read."""
    with begun([a_charge(1)]) as stripe:
        replica = first_run(stripe)
        lists = {"/v1/charges": [a_charge(2)], "/v1/events": [an_event(NOW + 1, a_charge(2))]}
        stripe.set(now=NOW + 1 + KEPT_S - before_edge_s, lists=lists)
        changed = replica.run()
        stripe.set(now=NOW + 1 + KEPT_S - before_edge_s + 60)
        quiet = replica.run()

    assert (changed, quiet) == ([a_charge(2)], [])
