"""Scans for markers: they read every page that can hold one, and an incomplete scan never counts as "not found"."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

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
from tests.support.wire import Peer, answer
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


@pytest.mark.promise("target 6", "An object is found by its marker, on a later page too")
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


def on_a_clock(sandbox: Sandbox, attempt: Attempt, clock: str) -> str:
    form = {f"metadata[{MARKER}]": attempt.marker, "test_clock": clock}
    return str(requests.post(f"{sandbox.url}/v1/customers", data=form, auth=(KEY, ""), timeout=10).json()["id"])


def test_an_attempt_whose_request_is_not_stored_may_be_on_any_clock(sandbox: Sandbox) -> None:
    attempt = an_attempt("wanted", body=None, first_sent_unix=sandbox.clock(), last_sent_unix=sandbox.clock())
    made = [on_a_clock(sandbox, an_attempt(clock), clock) for clock in ("clock_1", "clock_3")]
    made.append(on_a_clock(sandbox, attempt, "clock_2"))

    result = scan(sandbox, attempt)

    assert result.is_complete
    assert {item.id for item in result.found.values()} == {made[-1]}


def test_without_permission_for_test_clocks_such_a_scan_is_incomplete(tmp_path: Path) -> None:
    keys = {"rk_test_some": {"account": "acct_1", "rights": {"customer": "write"}}}
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"accounts": {"acct_1": {}}, "keys": keys}))
    with Sandbox("--keys", str(path)) as sandbox:
        stored, unknown = an_attempt("stored"), an_attempt("unknown", body=None)

        assert scan(sandbox, stored, api_key="rk_test_some").is_complete
        assert not scan(sandbox, stored, unknown, api_key="rk_test_some").is_complete


def test_in_live_mode_there_are_no_clocks() -> None:
    with Sandbox("--live") as sandbox:
        attempt = an_attempt(mode="live", body=None)

        assert scan(sandbox, attempt, api_key="sk_live_sandbox", allow_live=True).is_complete
        assert {each["path"] for each in sandbox.requests()} == {"/v1/customers"}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"id": None},
        {"id": ""},
        {"id": 5},
        [],
        None,
        {"id": "cus_2", "metadata": {MARKER: 5}},
        {"id": "cus_2", "metadata": "x"},
    ],
    ids=json.dumps,
)
def test_an_object_that_cannot_be_read_may_be_the_wanted_one(odd: object) -> None:
    wanted, other = an_attempt("wanted"), an_attempt("other")
    shown = {"id": "cus_1", "created": NOW, "metadata": {MARKER: wanted.marker}}
    page = json.dumps({"object": "list", "data": [odd, shown], "has_more": False})
    with Peer([answer(200, page)]) as peer:
        result = scan_for_markers(a_client(peer.url), CUSTOMERS.endpoint, [wanted, other])

    assert set(result.found) == {wanted.marker}
    assert not result.is_complete


@pytest.mark.parametrize("created", [None, 0, -1, 1.5, "1", True, 10**12, [], {}], ids=repr)
def test_an_odd_time_hides_no_object(created: object) -> None:
    """It is on the last object of a page, behind which an empty page comes first."""
    wanted = an_attempt("wanted")
    first, odd = ({"id": f"cus_{number}", "created": each} for number, each in enumerate((NOW, created)))
    shown = {"id": "cus_3", "created": NOW - 1, "metadata": {MARKER: wanted.marker}}
    pages = [([first, odd], True), ([], True), ([first, odd], True), ([shown], False)]
    turns = [answer(200, json.dumps({"object": "list", "data": data, "has_more": more})) for data, more in pages]
    with Peer(turns) as peer:
        result = scan_for_markers(a_client(peer.url), CUSTOMERS.endpoint, [wanted])
        asked = [request.split(b" ")[1].decode() for request in peer.heard]

    assert result.is_complete
    assert set(result.found) == {wanted.marker}
    assert asked[2] == asked[0], "asked again from the beginning of the range"
