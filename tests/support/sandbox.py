"""The real sandbox as a process of its own: `with Sandbox("--charges", "300") as sandbox: …`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from tests.support.forking import Running, started

PLATFORM, CONNECTED = "acct_1SandboxPlatform", "acct_1SandboxConnected"

_START_S, _STOP_S, _CONTROL_S = 60, 10, 30


class Sandbox:
    """A sandbox that ends with the block, or with this process at the latest."""

    key = "sk_test_sandbox"

    def __init__(self, *options: str) -> None:
        """`options` are those of `stripe-flow sandbox`; the port is any free one."""
        self._options = options
        self._process: Running | None = None
        self._open = ExitStack()
        self.url = ""

    def __enter__(self) -> Self:
        with self._open as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-")))
            given, output, log = (folder / name for name in ("given", "output", "log"))
            os.mkfifo(given)
            # The sandbox ends when this end closes: with this process at the latest.
            opened.callback(os.close, os.open(given, os.O_RDWR | os.O_CLOEXEC))
            line = [sys.executable, "-m", "stripe_flow_cli", "sandbox", "--port", "0", "--exit-with-stdin"]
            env = {**os.environ, "PYTHONUNBUFFERED": "1"}
            options = (str(each) for each in self._options)
            self._process = started([*line, *options], Path.cwd(), env, given=given, output=output, log=log)
            opened.callback(self._stop)
            self.url = _first_line(self._process, output).strip()
            if not self.url:
                raise RuntimeError(f"the sandbox did not start: {log.read_text(errors='replace')}")
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

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

    def limits(self) -> dict[str, Any]:
        """The limits of `--limits` (`per_s`), and the requests that they `passed` and `refused` by reason."""
        return self._control("GET", "limits")

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
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)


def _first_line(process: Running, output: Path) -> str:
    """The first line of the output, empty if there is none in time."""
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        if output.exists() and (text := output.read_text()).endswith("\n"):
            return text.splitlines()[0]
        time.sleep(0.005)
    return ""
