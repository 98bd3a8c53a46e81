"""Scans for markers: they read every page that can hold one, and an incomplete scan never counts as "not found"."""

from __future__ import annotations

import itertools

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.recovery.marker_scan import AFTER_S, BEFORE_S, Scan, merge_spans, scan_for_markers
from tests.stripe_flow.api.builders import KEY, a_client
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.builders import NOW, a_digest, an_attempt

CUSTOMERS = ACTIONS["customers"]


def a_customer(sandbox: Sandbox, **metadata: str) -> str:
    sent = {f"metadata[{name}]": value for name, value in metadata.items()}
    answer = requests.post(f"{sandbox.url}/v1/customers", data=sent, auth=(KEY, ""), timeout=10)
    return str(answer.json()["id"])


def scan(sandbox: Sandbox, *attempts: Attempt, **settings: object) -> Scan:
    return scan_for_markers(a_client(sandbox.url, **settings), CUSTOMERS.endpoint, attempts)


@pytest.fixture
def crowded(sandbox: Sandbox) -> tuple[Sandbox, Attempt, str]:
    """An attempt whose object is on the third page, and the object's id."""
    attempt = an_attempt("wanted", first_sent_unix=sandbox.clock(), last_sent_unix=sandbox.clock())
    made = a_customer(sandbox, **{MARKER: attempt.marker})
    for number in range(220):
        a_customer(sandbox, **{MARKER: f"{a_digest(number)}:1"})
    return sandbox, attempt, made


def test_an_object_is_found_by_its_marker_on_the_third_page(crowded: tuple[Sandbox, Attempt, str]) -> None:
    sandbox, attempt, made = crowded

    result = scan(sandbox, attempt)

    assert result.is_complete
    assert {marker: item.id for marker, item in result.found.items()} == {attempt.marker: made}


times = st.integers(NOW, NOW + 10**6)


@given(st.lists(st.tuples(times, st.integers(0, 10**5)), min_size=1, max_size=8))
def test_the_spans_cover_each_possible_time_of_creation_once(sends: list[tuple[int, int]]) -> None:
    attempts = [an_attempt(first_sent_unix=first, last_sent_unix=first + more) for first, more in sends]

    found = merge_spans(attempts)

    edges = [moment for first, more in sends for moment in (first - BEFORE_S, first, first + more + AFTER_S)]
    assert all(sum(span.first <= moment <= span.last for span in found) == 1 for moment in edges)
    assert all(newer.first > older.last + 1 for newer, older in itertools.pairwise(found))
    bounds = {(first - BEFORE_S) for first, _ in sends}, {first + more + AFTER_S for first, more in sends}
    assert all(span.first in bounds[0] and span.last in bounds[1] for span in found), "no wider than necessary"
