"""Makes charges, refunds and customers at a constant rate of the sandbox's clock, while a tap reads."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from tests.support.sandbox import Sandbox

# Every EVERY_S seconds of the sandbox's clock so many objects per account and kind: all together 45,000 in 600 seconds,
# with a balance transaction for each charge and refund.
EVERY_S, AT_ONCE = 3, 15
# The largest amount of a charge: refunds of 1 can be made of it during a whole ordeal.
_LARGEST_AMOUNT = 99_999_999
_ANSWER_S, _STOP_S = 60, 90


class Wire:
    """One connection that pipelines requests: several times faster than one request after the other."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=_ANSWER_S)
        self._answers = self._socket.makefile("rb", buffering=256 * 1024)

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def send(self, requests: Sequence[bytes]) -> list[bytes]:
        """The bodies of the answers. Raises RuntimeError for an answer other than 200."""
        self._socket.sendall(b"".join(requests))
        return [self._answer() for _ in requests]

    def _answer(self) -> bytes:
        status, length = self._answers.readline(), 0
        while (header := self._answers.readline()).strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body: bytes = self._answers.read(length)
        if b" 200 " not in status:
            raise RuntimeError(f"the sandbox answered {status!r}: {body.decode(errors='replace')}")
        return body


class Traffic:
    """Makes objects in the background, inside `with Traffic(sandbox, accounts) as traffic:`.

    Every `second_s`, one beat makes the objects that are due, and moves the clock on by a second. The clock also runs
    by itself; the next beat makes the objects due then, so that the rate is the same on any machine.
    """

    def __init__(self, sandbox: Sandbox, accounts: Iterable[str], *, seed: int, second_s: float) -> None:
        self._wire = Wire(sandbox.url)
        self._draw = random.Random(seed)
        self.second_s = second_s
        self.now_unix = sandbox.clock()
        self._due_s = EVERY_S
        self._at_once = [request for account in accounts for request in self._orders(account)] * AT_ONCE
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._go_on, name="traffic")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(_STOP_S)
        self._wire.close()
        if self._failure is not None and error is None:
            raise self._failure

    def beat(self) -> None:
        """Make the objects that are due, many in one second, and move the clock on."""
        made = self._at_once * (self._due_s // EVERY_S)
        self._draw.shuffle(made)
        self._due_s = self._due_s % EVERY_S + self._pass(1, made)

    def rest(self, seconds: int) -> None:
        """Move the clock on by `seconds` without making objects."""
        self._pass(seconds, [])
        self._due_s = EVERY_S

    def check(self) -> None:
        """Raise the error of the background thread, if it failed."""
        if self._failure is not None:
            raise self._failure

    def _pass(self, seconds: int, made: Sequence[bytes]) -> int:
        """Make `made` and move the clock on; returns how many seconds it advanced."""
        *_, answer = self._wire.send([*made, _request("/_sandbox/clock", json.dumps({"advance_s": seconds}))])
        before, self.now_unix = self.now_unix, int(json.loads(answer)["now"])
        return self.now_unix - before

    def _orders(self, account: str) -> list[bytes]:
        """Requests for a customer, a charge, and a refund of 1 of a charge that is large enough for all refunds."""
        large = {"amount": _LARGEST_AMOUNT, "currency": "usd", "source": "tok_visa"}
        (answer,) = self._wire.send([_form("/v1/charges", account, large)])
        refunded: dict[str, Any] = json.loads(answer)  # Any: JSON
        return [
            _form("/v1/charges", account, large | {"amount": 100}),
            _form("/v1/refunds", account, {"charge": refunded["id"], "amount": 1}),
            _form("/v1/customers", account, {"name": "Ann"}),
        ]

    def _go_on(self) -> None:
        try:
            while not self._stopping.wait(self.second_s):
                self.beat()
        except Exception as error:  # noqa: BLE001  # a thread's edge: `check` and the end of the block raise it
            self._failure = error


def _form(path: str, account: str, params: dict[str, object]) -> bytes:
    return _request(path, urlencode(params), f"Stripe-Account: {account}\r\n")


def _request(path: str, body: str, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {Sandbox.key}\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
