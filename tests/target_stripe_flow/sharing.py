"""Real targets on one PostgreSQL, and what they leave there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, command
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
def a_target(folder: Path, settings: Mapping[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    """Over one customer, in a folder of its own."""
    folder.mkdir()
    given = b"".join(json.dumps(line).encode() + b"\n" for line in lines())
    (folder / "input").write_bytes(given)
    with (folder / "input").open("rb") as read, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command("target_stripe_flow", folder, settings),
            cwd=folder,
            stdin=read,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=clean_env(),
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


def ended(process: subprocess.Popen[bytes], folder: Path) -> Ended:
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
    done = subprocess.run(
        [sys.executable, "-m", "stripe_flow.cli", "journal", *arguments, "--config", "target_stripe_flow.json"],
        cwd=folder,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert CANARY not in done.stdout + done.stderr
    return Ended(code=done.returncode, output=done.stdout, log=done.stderr)


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
