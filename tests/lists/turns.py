"""Lets a test act between two pages: the sandbox holds each list request until the test is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from urllib.parse import parse_qsl

from tests.support.sandbox import Sandbox

_LIFE_S = 60
_POLL_S = 0.002


def read_with(
    sandbox: Sandbox, match: dict[str, str], read: Callable[[], list[str]], between: Callable[[str], None]
) -> list[str]:
    """The result of `read`. Calls `between` with the cursor of each list request, or "", before it is answered."""
    hold = {"name": "page", "match": match, "at": "before_read", "times": 1, "action": {"kind": "hold"}}
    sandbox.faults(hold)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(read)
        try:
            while _is_held(sandbox, running):
                between(_cursor(sandbox))
                sandbox.faults(hold)  # the held request goes on, and the next one is held
        finally:
            sandbox.faults()
        return running.result()


def _is_held(sandbox: Sandbox, running: Future[list[str]]) -> bool:
    """Waits until a request is held, or until the reader is done. Raises TimeoutError."""
    deadline_s = time.monotonic() + _LIFE_S
    while not running.done():
        if sandbox.fault_state("page")["waiting"]:
            return True
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the reader asked for no page for {_LIFE_S} s")
        wait([running], _POLL_S)
    return False


def _cursor(sandbox: Sandbox) -> str:
    held: list[dict[str, str]] = [each for each in sandbox.requests() if each["faults"] and each["status"] is None]
    return dict(parse_qsl(held[-1]["query"])).get("starting_after", "")
