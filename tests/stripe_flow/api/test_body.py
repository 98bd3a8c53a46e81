"""Answers packed with gzip are read as if they were not: whole, within the deadline and the limit of their size."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.body import MOST_BYTES, unpacked
from stripe_flow.api.message import Request, headers_of
from stripe_flow.api.network_errors import NetworkTrouble
from stripe_flow.api.transport import RawAnswer, Transport
from tests.stripe_flow.api.builders import a_client, allow_send
from tests.support.wire import Cut, Drip, Peer, answer

Framing = Callable[..., bytes]
PAGE = b'{"data": [' + b'{"id": "ch_1", "object": "charge"}, ' * 20_000 + b"{}]}"
PACKED = gzip.compress(PAGE)
CHUNK_BYTES = 1000


def sized(body: bytes, encoding: str = "gzip") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def chunked(body: bytes, encoding: str = "gzip") -> bytes:
    chunks = [body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES)]
    said = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + (
        said + b"0\r\n\r\n"
    )


EVERY_FRAMING = pytest.mark.parametrize("framed", [sized, chunked])


def exchange(url: str, timeout_s: float = 20) -> RawAnswer:
    return Transport(url, timeout_s=timeout_s).exchange("GET", f"{url}/v1/x", {}, None)


@EVERY_FRAMING
@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        pytest.param(PACKED, "gzip", id="gzip"),
        pytest.param(PACKED, "GZip", id="in capitals"),
        pytest.param(PACKED, "x-gzip", id="by its old name"),
        pytest.param(gzip.compress(PAGE[:999]) + gzip.compress(PAGE[999:]), "gzip", id="in two members"),
        pytest.param(zlib.compress(PAGE), "deflate", id="in another encoding than asked for"),
        pytest.param(PAGE, "identity", id="not packed"),
    ],
)
def test_a_packed_answer_is_unpacked(framed: Framing, packed: bytes, encoding: str) -> None:
    with Peer([framed(packed, encoding)]) as peer:
        assert exchange(peer.url).body == PAGE


@EVERY_FRAMING
@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(PACKED[:-1], id="cut in its check sum"),
        pytest.param(PACKED[: len(PACKED) // 2], id="cut in the middle"),
        pytest.param(PACKED[:5], id="cut in its head"),
        pytest.param(PACKED + PACKED[:20], id="cut in its second member"),
        pytest.param(PACKED[:-8] + bytes(8), id="with a wrong check sum"),
        pytest.param(PAGE, id="not packed at all"),
        pytest.param(PACKED + b"and more", id="with more after its end"),
    ],
)
def test_a_packed_answer_that_is_not_whole_is_refused(framed: Framing, packed: bytes) -> None:
    with Peer([framed(packed)]) as peer, pytest.raises(NetworkTrouble, match=r"cut off|garbled"):
        exchange(peer.url)


@EVERY_FRAMING
def test_a_packed_answer_that_breaks_off_is_refused(framed: Framing) -> None:
    said = framed(PACKED)[: -len(PACKED) // 2]
    with Peer([Cut(said=said)]) as peer, pytest.raises(NetworkTrouble, match="cut off"):
        exchange(peer.url)


@pytest.mark.promise("tap 6", "`timeout_s` bounds a whole request")
@pytest.mark.parametrize(
    "head", [b"Content-Length: 5000\r\n\r\n", b"\r\n"], ids=["sized", "to the end of the connection"]
)
def test_the_deadline_holds_inside_a_packed_answer(head: bytes) -> None:
    turn = Drip(said=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + head + gzip.compress(PAGE, 0)[:50])
    with Peer([turn]) as peer:
        started = time.monotonic()
        with pytest.raises(NetworkTrouble, match=r"within 0.4 s|in time"):
            exchange(peer.url, timeout_s=0.4)

        assert time.monotonic() - started < 20  # the peer would drip for 100 s


@EVERY_FRAMING
def test_an_answer_made_to_fill_the_memory_is_refused_before_it_does(framed: Framing) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(128)) + packer.flush()
    said = framed(bomb)
    with Peer([said]) as peer:
        tracemalloc.start()
        try:
            with pytest.raises(NetworkTrouble, match="larger than 64 MiB"):
                exchange(peer.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < MOST_BYTES + 2**23


@given(st.binary(max_size=5000), st.integers(1, 300), st.lists(st.integers(0, 5000), max_size=3))
def test_what_is_packed_comes_out_whole_however_it_is_cut_into_pieces(body: bytes, size: int, ends: list[int]) -> None:
    bounds = sorted({0, len(body), *(end for end in ends if end < len(body))})
    packed = b"".join(gzip.compress(body[start:end]) for start, end in pairwise(bounds))
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]

    assert b"".join(unpacked(pieces)) == body


@pytest.mark.parametrize("zeros", [2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20, 5 * 2**20 + 7])
def test_a_body_larger_than_a_piece_comes_out_whole(zeros: int) -> None:
    assert sum(map(len, unpacked([gzip.compress(bytes(zeros))]))) == zeros


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_a_packed_body_that_is_cut_anywhere_is_refused(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body)
    end = data.draw(st.integers(1, len(packed) - 1))

    with pytest.raises(NetworkTrouble):
        b"".join(unpacked([packed[:end]]))


def test_reads_ask_for_gzip_and_writes_do_not() -> None:
    with Peer([answer(200)]) as peer:
        client = a_client(peer.url)
        client.get("/v1/charges")
        client.post(Request(method="POST", path="/v1/charges", body=b"amount=1", idempotency_key="k"), allow_send)

    read, write = peer.heard
    assert b"accept-encoding: gzip\r\n" in read.lower()
    assert b"gzip" not in write.lower()
    assert "Accept-Encoding" in headers_of(Request(method="GET", path="/v1/charges"), client.connection)


@pytest.mark.parametrize(
    "bad", [sized(PACKED[:-9]), sized(PACKED + b"x"), sized(b"{}")], ids=["cut", "too long", "not packed"]
)
def test_a_read_whose_packed_answer_is_not_whole_is_sent_again(bad: bytes) -> None:
    with Peer([bad, sized(gzip.compress(b'{"id": "ch_1"}'))]) as peer:
        assert a_client(peer.url).get("/v1/charges/ch_1").value == {"id": "ch_1"}
        assert len(peer.heard) == 2
