"""Makes many objects in one second, as in a busy account."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from tests.support.sandbox import Sandbox

A_CHARGE = "amount=500&currency=usd&source=tok_visa"
# Few enough to be made within a second on a slow machine that does other work too.
_BATCH = 100


def crowd(sandbox: Sandbox, path: str, form: str, count: int, *, at: int, account: str | None = None) -> None:
    """Make `count` objects with `created` = `at`; the sandbox's clock stays there."""
    post(sandbox, [(path, form)] * count, at=at, account=account)


def post(
    sandbox: Sandbox, requests: Iterable[tuple[str, str]], *, at: int | None = None, account: str | None = None
) -> None:
    """POST these paths and forms in parallel, all in the second `at` unless it is None."""
    host = urlsplit(sandbox.url)
    waiting = [_request(path, form, account) for path, form in requests]
    if at is not None:
        sandbox.set_clock(at)  # before connecting: a jump of over an hour cuts all connections
    with socket.create_connection((str(host.hostname), int(host.port or 0)), timeout=60) as connection:
        for begin in range(0, len(waiting), _BATCH):
            batch = waiting[begin : begin + _BATCH]
            if at is not None:
                sandbox.set_clock(at)
            connection.sendall(b"".join(batch))
            _await_answers(connection, len(batch))


def _request(path: str, form: str, account: str | None) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: sandbox",
        f"Authorization: Basic {base64.b64encode(f'{Sandbox.key}:'.encode()).decode()}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(form.encode())}",
        *([f"Stripe-Account: {account}"] if account else []),
    ]
    return "\r\n".join([*lines, "", form]).encode()


def _await_answers(connection: socket.socket, count: int) -> None:
    said = b"HTTP/1.1 200"
    answered, end = 0, b""
    while answered < count:
        received = connection.recv(1 << 20)
        text = end + received
        if not received or b"HTTP/1.1 4" in text:
            raise AssertionError(f"the sandbox made only {answered} of {count} objects: {text[:2000]!r}")
        answered += text.count(said)
        end = text[-len(said) + 1 :]
