"""Real targets on one PostgreSQL, and what they leave there."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.forking import Running, started
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, command, run
from tests.support.sandbox import Sandbox

# The password in the URLs, which must never be seen again.
CANARY = "canary-0123456789"
TIMEOUT_S = 0.5
LEASE_S, LOOK_AFTER_S = 2 * TIMEOUT_S, 3 * TIMEOUT_S
HELD = {"name": "hold", "match": {"method": "POST"}, "action": {"kind": "hold"}}


def lines(**record: object) -> list[dict[str, Any]]:
    return [a_schema("customers"), a_record("customers", id=1, **{"name": "Ann", **record})]


def config(sandbox: Sandbox, url: str, **settings: object) -> dict[str, object]:
    return a_config(sandbox.url, journal_url=url, timeout_s=TIMEOUT_S, **settings)


@contextmanager
def a_target(folder: Path, settings: Mapping[str, object]) -> Iterator[Running]:
    """Over one customer, in a folder of its own."""
    folder.mkdir()
    given = b"".join(json.dumps(line).encode() + b"\n" for line in lines())
    read, output, log = (folder / name for name in ("input", "output", "log"))
    read.write_bytes(given)
    line = command("target_stripe_flow", folder, settings)
    process = started(line, folder, clean_env(), given=read, output=output, log=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def ended(process: Running, folder: Path) -> Ended:
    return Ended(code=process.wait(60), output="", log=(folder / "log").read_text())


def posts(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [each for each in sandbox.requests() if each["method"] == "POST"]


def leave_behind(sandbox: Sandbox, url: str, folder: Path, at: str) -> None:
    """A target that is killed with its request under way; the server carries it out all the same."""
    sandbox.faults(HELD | {"at": at})
    with a_target(folder, config(sandbox, url) | {"timeout_s": TIMEOUT_S}) as process:
        sandbox.wait_until_held("hold")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    sandbox.release("hold")
    sandbox.faults()


def run_cli(folder: Path, *arguments: str) -> Ended:
    line = [sys.executable, "-m", "stripe_flow_cli", "journal", *arguments, "--config", "target_stripe_flow.json"]
    done = run(line, folder)
    assert CANARY not in done.output + done.log
    return done


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
