"""Compressed answers: the same JSON in fewer bytes, and what faults do to those bytes."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, IncompleteRead

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_sandbox.http.encoding import SMALLEST_BYTES, accepts_gzip, encoded
from stripe_flow_sandbox.service.link import Link
from tests.stripe_flow_sandbox.builders import a_client, a_rule
from tests.support.sandbox import Sandbox

A_PAGE, A_SHORT_PAGE = "/v1/charges?limit=20", "/v1/payment_intents"


@pytest.fixture(scope="module")
def charged() -> Iterator[Sandbox]:
    """Sixty charges: read them, do not change them, and leave no faults."""
    with Sandbox("--charges", "60") as running:
        yield running


def answered(sandbox: Sandbox, path: str, accepted: str | None) -> tuple[Mapping[str, str], bytes]:
    """Headers and body as they are on the wire. Raises IncompleteRead for a body that ends early."""
    connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {Sandbox.key}"} | ({"Accept-Encoding": accepted} if accepted else {})
    try:
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as response:
            return dict(response.headers), response.read()
    finally:
        connection.close()


def test_a_page_is_compressed_for_requests_that_accept_gzip_and_is_the_same(charged: Sandbox) -> None:
    plain_headers, plain = answered(charged, A_PAGE, None)
    headers, body = answered(charged, A_PAGE, "gzip, deflate")

    assert "Content-Encoding" not in plain_headers
    assert (headers["Content-Encoding"], int(headers["Content-Length"])) == ("gzip", len(body))
    assert headers["Vary"] == plain_headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(body) == plain
    assert 5 * len(body) < len(plain)


def test_the_official_client_reads_compressed_pages(charged: Sandbox) -> None:
    read = [each.id for each in a_client(charged).charges.list({"limit": 100}).auto_paging_iter()]

    assert read == [each["id"] for each in charged.objects("charge")][::-1]
    assert "gzip" in charged.requests()[-1]["headers"]["accept-encoding"]


def test_a_short_answer_is_not_compressed(charged: Sandbox) -> None:
    headers, body = answered(charged, A_SHORT_PAGE, "gzip")

    assert "Content-Encoding" not in headers
    assert json.loads(body)["data"] == []


@pytest.mark.parametrize("after_bytes", [0, 100, None])
def test_a_compressed_answer_is_cut_at_a_byte_on_the_wire(charged: Sandbox, after_bytes: int | None) -> None:
    _, whole = answered(charged, A_PAGE, "gzip")
    charged.faults(a_rule("cut", at="before_answer", within="body", after_bytes=after_bytes, times=1))

    with pytest.raises(IncompleteRead) as cut:
        answered(charged, A_PAGE, "gzip")

    assert cut.value.partial == whole[: len(whole) // 2 if after_bytes is None else after_bytes]


def test_a_truncated_compressed_answer_is_whole_http_and_broken_gzip(charged: Sandbox) -> None:
    _, whole = answered(charged, A_PAGE, "gzip")
    charged.faults(a_rule("truncate", bytes=200, times=1))

    headers, body = answered(charged, A_PAGE, "gzip")

    assert (headers["Content-Encoding"], headers["Content-Length"], body) == ("gzip", "200", whole[:200])
    with pytest.raises(EOFError):
        gzip.decompress(body)


def test_a_compressed_answer_can_trickle(charged: Sandbox) -> None:
    charged.faults(a_rule("trickle", bytes=100, every_ms=0.1, times=1))

    _, body = answered(charged, A_PAGE, "gzip")

    assert len(json.loads(gzip.decompress(body))["data"]) == 20


@pytest.mark.parametrize("accepted", [None, "gzip"])
def test_answers_of_all_connections_pass_a_slow_link_whole(charged: Sandbox, accepted: str | None) -> None:
    charged.faults(a_rule("bandwidth", mbit_per_s=100))

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(answered, charged, A_PAGE, accepted) for _ in range(8)]
        bodies = {each.result(timeout=30)[1] for each in answers}
    struck = charged.fault_state("fault")["struck"]
    charged.faults()

    assert (bodies, struck) == ({answered(charged, A_PAGE, accepted)[1]}, 8)


@given(
    pieces=st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1)), min_size=1), bytes_per_s=st.floats(10**3, 10**9)
)
def test_a_link_is_never_faster_than_its_rate_and_idle_only_without_bytes(
    pieces: list[tuple[int, float]], bytes_per_s: float
) -> None:
    link, now_s, free_s = Link(bytes_per_s), 0.0, 0.0
    for count, pause_s in pieces:
        now_s += pause_s
        passed_s = link.reserve(count, now_s)

        assert passed_s == pytest.approx(max(now_s, free_s) + count / bytes_per_s)
        free_s = passed_s


@given(body=st.binary(max_size=3 * SMALLEST_BYTES), accepted=st.sampled_from(["gzip", "br, gzip;q=0.5", "*", "", "br"]))
def test_what_is_sent_is_the_body_as_its_headers_say(body: bytes, accepted: str) -> None:
    sent, headers = encoded(body, {"accept-encoding": accepted})

    is_compressed = headers.get("Content-Encoding") == "gzip"
    assert (zlib.decompress(sent, 31) if is_compressed else sent) == body
    assert is_compressed == (len(body) >= SMALLEST_BYTES and accepts_gzip(accepted))


@pytest.mark.parametrize(
    ("header", "accepts"),
    [
        ("gzip", True),
        ("deflate, GZIP ; Q=0.1", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0, *", False),
        ("gzip;q=0.000", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_accepted_by_name_or_star_unless_its_weight_is_nought(header: str, accepts: object) -> None:
    assert accepts_gzip(header) == accepts
