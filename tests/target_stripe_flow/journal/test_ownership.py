"""Who may send, take and look, when: laws over drawn times. No clock is asked and nobody sleeps."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.ownership import LeaseTerms, SoleOwner, Taken
from tests.target_stripe_flow.builders import NOW, an_attempt

SECONDS = st.floats(0, 10_000, allow_nan=False)
TERMS = st.floats(0.1, 600, allow_nan=False).map(lambda timeout_s: LeaseTerms(timeout_s=timeout_s))


@given(TERMS, SECONDS, SECONDS, SECONDS)
def test_a_request_is_over_before_its_senders_lease(
    terms: LeaseTerms, asked: float, under_way: float, later: float
) -> None:
    granted, leaves = asked + under_way, asked + later

    if terms.outlives_a_send(asked, leaves):
        assert leaves + terms.timeout_s < granted + terms.lease_s


@given(TERMS, SECONDS, st.floats(0, 1), SECONDS, st.floats(0, 1))
def test_who_slept_for_less_than_a_lease_and_a_timeout_is_done_before_a_look(
    terms: LeaseTerms, asked: float, share: float, after: float, slept: float
) -> None:
    leaves = asked + share * (terms.lease_s - terms.timeout_s)
    is_done = leaves + slept * terms.scan_after_s + terms.timeout_s
    over = asked + terms.lease_s
    taken = Taken(attempt=an_attempt(last_sent_unix=int(leaves)), over_s=after, scan_after_s=terms.scan_after_s)

    check_writable = over + after + taken.wait_before_scan_s(over + after)

    assert not terms.outlives_a_send(asked, leaves) or check_writable >= is_done - 1e-6


@given(TERMS, SECONDS, SECONDS)
def test_a_look_waits_until_both_clocks_allow_it(terms: LeaseTerms, over: float, quiet: float) -> None:
    sent = an_attempt(last_sent_unix=NOW)
    taken = Taken(attempt=sent, over_s=over, scan_after_s=terms.scan_after_s)

    wait_s = taken.wait_before_scan_s(NOW + quiet)

    assert math.isclose(wait_s, max(0.0, terms.scan_after_s - min(over, quiet)), abs_tol=1e-3)


@given(st.floats(-10_000, -0.001))
def test_a_clock_of_stripes_that_goes_back_makes_it_wait_no_longer_than_that(quiet: float) -> None:
    terms = LeaseTerms(timeout_s=80)
    taken = Taken(attempt=an_attempt(last_sent_unix=NOW), over_s=9999, scan_after_s=terms.scan_after_s)

    assert taken.wait_before_scan_s(NOW + quiet) == terms.scan_after_s


def test_only_what_may_be_on_its_way_is_waited_for() -> None:
    terms = LeaseTerms(timeout_s=80)

    waits = {
        state: Taken(attempt=an_attempt(state=state), over_s=0, scan_after_s=terms.scan_after_s).wait_before_scan_s(NOW)
        for state in State
    }

    assert {state for state, wait_s in waits.items() if wait_s} == {State.INTENT}


def test_a_heartbeat_may_be_late_by_a_whole_timeout() -> None:
    terms = LeaseTerms(timeout_s=80)

    assert terms.outlives_a_send(0, terms.timeout_s - 0.1)
    assert not terms.outlives_a_send(0, terms.timeout_s)
    assert terms.beat_every_s * 8 == terms.timeout_s


def test_who_is_alone_has_every_row_and_never_waits() -> None:
    row = an_attempt(owner="another")

    assert not SoleOwner().is_elsewhere(row)
    assert Taken(attempt=row).wait_before_scan_s(NOW) == 0
