"""The body of an answer, read and unpacked piece by piece within a limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import requests

from stripe_flow.api.network_errors import NetworkTrouble

# Far more than any page of Stripe's; an answer that is larger must not fill the memory.
MOST_BYTES = 64 * 2**20
_PIECE_BYTES = 2**16
# Most pages fit into one piece; only a body that was made to fill the memory grows a thousandfold.
_UNPACKED_PIECE_BYTES = 2**20
_GZIP = {"gzip", "x-gzip"}
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def read_body(answer: requests.Response) -> bytes:
    """The whole body, unpacked. Raises NetworkTrouble if it is cut off, garbled, or has more than `MOST_BYTES`.

    gzip is unpacked here, because urllib3 takes a gzip body that was cut off for a whole one.
    """
    if answer.headers.get("Content-Encoding", "").strip().lower() in _GZIP:
        answer.raw.headers.pop("Content-Encoding", None)  # urllib3 then leaves the body as it was sent
        return b"".join(_within_limit(unpacked(answer.iter_content(_PIECE_BYTES))))
    return b"".join(_within_limit(_received(answer)))


def _received(answer: requests.Response) -> Iterator[bytes]:
    """The body in one piece if its size is known."""
    length = answer.headers.get("Content-Length", "")
    is_known = length.isdecimal() and "Content-Encoding" not in answer.headers
    if is_known and int(length) > MOST_BYTES:
        raise _too_large()
    yield from answer.iter_content(None if is_known else _PIECE_BYTES)


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes that gzip packed into `pieces`, in pieces of limited size.

    Raises NetworkTrouble for a body that is cut off or garbled, or has anything but gzip's members.
    """
    member, is_begun = zlib.decompressobj(_GZIP_WINDOW), False
    for piece in pieces:
        rest, has_more = piece, bool(piece)
        while has_more:
            if member.eof:
                member = zlib.decompressobj(_GZIP_WINDOW)
            is_begun = True
            try:
                part = member.decompress(rest, _UNPACKED_PIECE_BYTES)
            except zlib.error:
                raise NetworkTrouble("the answer was garbled") from None
            yield part
            rest = member.unused_data if member.eof else member.unconsumed_tail
            # A full part may leave bytes in the member that no input is needed for.
            has_more = bool(rest) or (len(part) == _UNPACKED_PIECE_BYTES and not member.eof)
    if is_begun and not member.eof:
        raise NetworkTrouble("the answer was cut off")


def _within_limit(pieces: Iterable[bytes]) -> Iterator[bytes]:
    left = MOST_BYTES
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise _too_large()
        yield piece


def _too_large() -> NetworkTrouble:
    return NetworkTrouble(f"the answer is larger than {MOST_BYTES >> 20} MiB")
