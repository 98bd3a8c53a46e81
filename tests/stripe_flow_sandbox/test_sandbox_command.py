"""`stripe-flow sandbox` as a person and a parent process meet it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "stripe_flow_cli", "sandbox", "--port", "0"]
WAIT_S = 60


@contextmanager
def started(*options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A sandbox that is killed at the end, whatever happens."""
    process = subprocess.Popen(
        [*COMMAND, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def refused(*options: str) -> str:
    """The standard error of a sandbox that does not start."""
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_first_calls_itself_a_sandbox_and_ends_quietly(number: signal.Signals) -> None:
    with started() as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=WAIT_S)

    assert url.startswith("http://127.0.0.1:")
    assert (process.returncode, rest) == (0, b"")
    assert b"NOT Stripe" in errors
    assert b"Traceback" not in errors


def test_it_ends_with_its_parents_pipe() -> None:
    with started("--exit-with-stdin") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()

        process.stdin.close()

        assert process.wait(WAIT_S) == 0


def test_it_listens_on_loopback_only() -> None:
    assert "loopback" in refused("--host", "0.0.0.0")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        json.dumps({"keys": {"secret-canary": {}}}),
        json.dumps({"keys": {"sk_test_canary": {"account": "acct_none"}}}),
        json.dumps({"keys": {"sk_test_canary": {"rights": {"charge": "all"}}}}),
    ],
)
def test_an_invalid_keys_file_is_one_clear_line_without_the_key(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)

    message = refused("--keys", str(file))

    assert len(message.splitlines()) == 1
    assert "canary" not in message


def test_an_invalid_script_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"rules": [{"action": {"kind": "explode"}}]}))

    assert len(refused("--faults", str(file)).splitlines()) == 1


def test_without_httptools_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "httptools.py").write_text("raise ModuleNotFoundError('httptools')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=WAIT_S, check=False, env=environment)

    assert done.returncode == 1
    assert "`pip install httptools`" in done.stderr
