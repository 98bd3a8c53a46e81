"""The real sandbox as a child process: `with Sandbox("--charges", "300") as sandbox: …`."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

PLATFORM, CONNECTED = "acct_1SandboxPlatform", "acct_1SandboxConnected"

_START_S, _STOP_S, _CONTROL_S = 60, 10, 30


class Sandbox:
    """A sandbox that ends with the block, or with this process at the latest."""

    key = "sk_test_sandbox"

    def __init__(self, *options: str) -> None:
        """`options` are those of `stripe-flow sandbox`; the port is any free one."""
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "stripe_flow_cli", "sandbox", "--port", "0", "--exit-with-stdin"]
        with tempfile.TemporaryFile() as errors:
            self._process = subprocess.Popen(
                [*command, *self._options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
            self.url = _first_line(self._process).strip()
            if not self.url:
                self._stop()
                errors.seek(0)
                raise RuntimeError(f"the sandbox did not start: {errors.read().decode(errors='replace')}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def clock(self) -> int:
        """Unix seconds of the sandbox's clock."""
        return int(self._control("GET", "clock")["now"])

    def set_clock(self, unix: int) -> int:
        """Move the clock; a jump of over an hour cuts all open connections."""
        return int(self._control("POST", "clock", {"set": unix})["now"])

    def advance(self, seconds: int) -> int:
        """Move the clock forward, or back if negative; see `set_clock`."""
        return int(self._control("POST", "clock", {"advance_s": seconds})["now"])

    def requests(self) -> list[dict[str, Any]]:  # Any: JSON, as the tests read it
        """The request log, oldest first: method, path, query, headers, body, account, status, request_id, time."""
        return list(self._control("GET", "requests")["data"])

    def objects(self, kind: str, account: str | None = None, *, livemode: bool | None = None) -> list[dict[str, Any]]:
        """Every object of a type (`charge`, `refund`, `customer` …), oldest first, with hidden and deleted ones."""
        query = {"type": kind} | ({"account": account} if account else {})
        if livemode is not None:
            query["livemode"] = str(livemode).lower()
        return list(self._control("GET", f"objects?{urlencode(query)}")["data"])

    def make(
        self, kind: str, count: int = 1, *, every_s: int = 0, of: str | None = None, account: str | None = None
    ) -> list[str]:
        """The ids of new objects of a type, made without a request, oldest first.

        Each is `every_s` seconds older than the next; `of` is the id of the parent of child objects. `account` is the
        sandbox's first one by default.
        """
        return self._order(kind, account, count=count, every_s=every_s, of=of)

    def change(
        self, kind: str, object_id: str, *, of: str | None = None, account: str | None = None, **values: object
    ) -> None:
        """Change an object as other parts of Stripe would; for `of` and `account` see `make`."""
        self._order(kind, account, change=object_id, values=values, of=of)

    def delete(self, kind: str, object_id: str, *, of: str | None = None, account: str | None = None) -> None:
        """Delete an object; see `change`."""
        self._order(kind, account, delete=object_id, of=of)

    def _order(self, kind: str, account: str | None, **order: object) -> list[str]:
        return list(self._control("POST", "objects", {"type": kind, "account": account, **order})["ids"])

    def faults(self, *rules: Mapping[str, Any], seed: int = 0) -> None:
        """Replace the rules in force, or remove them without arguments. Held requests continue."""
        self._control("POST", "faults", {"rules": list(rules), "seed": seed})

    def fault_states(self) -> list[dict[str, Any]]:
        """The state of each rule in force; see `fault_state`."""
        return list(self._control("GET", "faults")["rules"])

    def fault_state(self, name: str) -> dict[str, Any]:
        """The state of one rule: `seen`, `struck`, `waiting` (requests it holds now)."""
        return next(rule for rule in self.fault_states() if rule["name"] == name)

    def release(self, *names: str) -> None:
        """Release the requests that these rules hold or will hold."""
        self._control("POST", "faults", {"release": list(names)})

    def wait_until_held(self, name: str, requests: int = 1, timeout_s: float = 30) -> None:
        """Return once the rule holds so many requests. Raises TimeoutError after `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        while self.fault_state(name)["waiting"] < requests:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{name} held fewer than {requests} requests for {timeout_s} s")
            time.sleep(0.005)

    def _control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data=sent, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_CONTROL_S) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(f"{method} {path}: {error.read().decode()}") from None

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()


def _first_line(process: subprocess.Popen[bytes]) -> str:
    """The first line on stdout, empty if there is none in time."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(_START_S):
            return ""
    return process.stdout.readline().decode()
