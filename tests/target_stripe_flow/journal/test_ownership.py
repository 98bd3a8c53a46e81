"""When a process may send, take a row or scan: laws over drawn times. Reads no clock and does not sleep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.ownership import LeaseTerms, SoleOwner, Taken
from tests.target_stripe_flow.builders import NOW, an_attempt

SECONDS = st.floats(0, 10_000, allow_nan=False)
TERMS = st.floats(0.1, 600, allow_nan=False).map(lambda timeout_s: LeaseTerms(timeout_s=timeout_s))


@pytest.mark.promise("workers", "A request ends before its sender's lease")
@given(TERMS, SECONDS, SECONDS, SECONDS)
def test_a_request_is_over_before_its_senders_lease(
    terms: LeaseTerms, requested: float, transit: float, later: float
) -> None:
    granted, sent = requested + transit, requested + later

    if terms.outlives_a_send(requested, sent):
        assert sent + terms.timeout_s < granted + terms.lease_s


@given(TERMS, SECONDS, st.floats(0, 1), SECONDS, st.floats(0, 1))
def test_a_process_stopped_for_less_than_a_lease_and_a_timeout_has_finished_before_a_scan(
    terms: LeaseTerms, requested: float, share: float, after: float, stopped: float
) -> None:
    sent = requested + share * (terms.lease_s - terms.timeout_s)
    finished = sent + stopped * terms.scan_after_s + terms.timeout_s
    lease_end = requested + terms.lease_s
    taken = Taken(attempt=an_attempt(last_sent_unix=int(sent)), expired_s=after, scan_after_s=terms.scan_after_s)

    scanned = lease_end + after + taken.wait_before_scan_s(lease_end + after)

    assert not terms.outlives_a_send(requested, sent) or scanned >= finished - 1e-6


@given(TERMS, SECONDS, SECONDS)
def test_a_scan_waits_until_both_clocks_allow_it(terms: LeaseTerms, expired: float, quiet: float) -> None:
    sent = an_attempt(last_sent_unix=NOW)
    taken = Taken(attempt=sent, expired_s=expired, scan_after_s=terms.scan_after_s)

    wait_s = taken.wait_before_scan_s(NOW + quiet)

    assert math.isclose(wait_s, max(0.0, terms.scan_after_s - min(expired, quiet)), abs_tol=1e-3)


@given(st.floats(-10_000, -0.001))
def test_if_stripes_clock_goes_back_a_scan_waits_no_longer_than_scan_after_s(quiet: float) -> None:
    terms = LeaseTerms(timeout_s=80)
    taken = Taken(attempt=an_attempt(last_sent_unix=NOW), expired_s=9999, scan_after_s=terms.scan_after_s)

    assert taken.wait_before_scan_s(NOW + quiet) == terms.scan_after_s


def test_a_scan_waits_only_for_intents() -> None:
    terms = LeaseTerms(timeout_s=80)

    waits = {
        state: Taken(attempt=an_attempt(state=state), expired_s=0, scan_after_s=terms.scan_after_s).wait_before_scan_s(
            NOW
        )
        for state in State
    }

    assert {state for state, wait_s in waits.items() if wait_s} == {State.INTENT}


def test_a_heartbeat_may_be_late_by_a_whole_timeout() -> None:
    terms = LeaseTerms(timeout_s=80)

    assert terms.outlives_a_send(0, terms.timeout_s - 0.1)
    assert not terms.outlives_a_send(0, terms.timeout_s)
    assert terms.beat_every_s * 8 == terms.timeout_s


def test_a_process_that_uses_the_journal_alone_owns_every_row_and_never_waits() -> None:
    row = an_attempt(owner="another")

    assert not SoleOwner().names_other_owner(row)
    assert Taken(attempt=row).wait_before_scan_s(NOW) == 0
