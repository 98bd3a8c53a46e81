"""How the tap ends after a signal, a closed pipe, or a kill."""

from __future__ import annotations

import array
import fcntl
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stripe_flow.singer.run_log import logged, structured
from tests.support.hangups import hangups
from tests.support.plugins import Message, a_config, clean_env, command, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.selection import EACH_STREAMS_AT_ONCE
from tests.support.terminal import LOGIN
from tests.tap_stripe_flow.crowds import A_CHARGE, post

# Each case starts a process, and interrupts it in the middle of its work.
pytestmark = pytest.mark.volume(cases=2)

LOG = "log"
# Two accounts, each with two streams.
BOTH: dict[str, Any] = {"account_ids": [PLATFORM, CONNECTED]}  # Any: settings


@pytest.fixture(scope="module")
def sandbox_with_history() -> Iterator[Sandbox]:
    """Enough objects for a run of a few seconds."""
    with Sandbox("--seed", "2", "--charges", "3000", "--days", "30") as running:
        yield running


SIGNALS = pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])


def start(folder: Path, url: str, *, ignores_hangups: bool = False, **settings: object) -> subprocess.Popen[bytes]:
    with (folder / LOG).open("wb") as log, hangups(ignored=ignores_hangups):
        return subprocess.Popen(
            command("tap_stripe_flow", folder, a_config(url, **settings)),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            env=clean_env(**structured(folder)),
        )


@pytest.mark.promise("tap 10", "A signal (SIGHUP too) ends the tap on a whole line")
@SIGNALS
@EACH_STREAMS_AT_ONCE
def test_a_signal_ends_the_run_on_a_whole_line(
    sandbox_with_history: Sandbox, tmp_path: Path, sent: signal.Signals, streams_at_once: int
) -> None:
    with start(tmp_path, sandbox_with_history.url, **BOTH, streams_at_once=streams_at_once) as tap:
        assert tap.stdout is not None
        seen = [tap.stdout.readline() for _ in range(50)]
        tap.send_signal(sent)
        rest = tap.stdout.read()

    messages = [json.loads(line) for line in [*seen, *rest.splitlines()]]
    summary = logged((tmp_path / LOG).read_text(encoding="utf-8"), "summary")
    assert tap.returncode == 128 + sent
    assert rest.endswith(b"\n")
    assert sum(row["records"] for row in summary) == sum(each["type"] == "RECORD" for each in messages)


def test_a_hangup_that_nohup_ignores_stays_ignored(sandbox_with_history: Sandbox, tmp_path: Path) -> None:
    with start(tmp_path, sandbox_with_history.url, ignores_hangups=True) as tap:
        assert tap.stdout is not None
        seen = [tap.stdout.readline() for _ in range(50)]
        tap.send_signal(signal.SIGHUP)
        messages = [json.loads(line) for line in [*seen, *tap.stdout.read().splitlines()]]

    made = len(sandbox_with_history.objects("charge")) + len(sandbox_with_history.objects("refund"))
    assert tap.returncode == 0
    assert sum(each["type"] == "RECORD" for each in messages) == made


@pytest.mark.promise("tap 10", "A terminal that is closed ends the tap on a whole line")
def test_a_terminal_that_is_closed_ends_the_run_on_a_whole_line(sandbox: Sandbox, tmp_path: Path) -> None:
    """The kernel sends SIGHUP, and nothing can be written to the terminal any more."""
    post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
    sandbox.advance(3600)
    sandbox.faults({"name": "stuck", "match": {"path": "/v1/refunds"}, "action": {"kind": "hold"}})
    line = shlex.join(command("tap_stripe_flow", tmp_path, a_config(sandbox.url, streams_at_once=1)))
    master, slave = pty.openpty()
    script = [sys.executable, "-c", LOGIN, f"exec {line} > out"]
    with hangups(ignored=False):
        tap = subprocess.Popen(
            script, cwd=tmp_path, env=clean_env(), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
    with tap:
        os.close(slave)
        sandbox.wait_until_held("stuck")

        os.close(master)

        assert tap.wait(20) == 128 + signal.SIGHUP
    sandbox.release("stuck")

    messages = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines(keepends=True)]
    assert sum(each["type"] == "RECORD" for each in messages) == 3


@pytest.mark.parametrize("path", ["/v1/account", "/v1/charges", "/v1/events"])
def test_a_wait_for_stripe_ends_at_once(sandbox: Sandbox, tmp_path: Path, path: str) -> None:
    sandbox.faults({"name": "stuck", "match": {"path": path}, "at": "before_answer", "action": {"kind": "hold"}})
    with start(tmp_path, sandbox.url, account_ids=["self"], capture="changes") as tap:
        sandbox.wait_until_held("stuck")

        tap.send_signal(signal.SIGTERM)

        # Long before the request would time out; how long exactly is the machine's affair.
        assert tap.wait(20) == 128 + signal.SIGTERM
        sandbox.release("stuck")


def test_a_signal_ends_a_discovery_that_waits_for_stripe(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults({"name": "stuck", "match": {"path": "/v1/charges"}, "action": {"kind": "hold"}})
    line = command("tap_stripe_flow", tmp_path, a_config(sandbox.url, discover_permitted_only=True), "--discover")
    with subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, env=clean_env()) as tap:
        sandbox.wait_until_held("stuck")

        tap.send_signal(signal.SIGTERM)

        assert tap.wait(20) == 128 + signal.SIGTERM
        sandbox.release("stuck")


def test_a_closed_pipe_ends_the_tap_without_a_traceback(sandbox_with_history: Sandbox, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("tap_stripe_flow", tmp_path, a_config(sandbox_with_history.url)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_env(),
    ) as tap:
        assert tap.stdout is not None
        assert tap.stderr is not None
        tap.stdout.readline()
        tap.stdout.close()
        log = tap.stderr.read().decode()

    assert tap.returncode == 1
    assert "Traceback" not in log


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize("after_bytes", [0, 60_000, 400_000, 900_000])
@EACH_STREAMS_AT_ONCE
def test_a_killed_run_is_resumed_without_loss(
    sandbox_with_history: Sandbox, tmp_path: Path, after_bytes: int, streams_at_once: int
) -> None:
    settings = BOTH | {"streams_at_once": streams_at_once}
    with start(tmp_path, sandbox_with_history.url, **settings) as tap:
        assert tap.stdout is not None
        out = os.read(tap.stdout.fileno(), 1)
        while len(out) < after_bytes:
            out += os.read(tap.stdout.fileno(), after_bytes - len(out))
        assert tap.poll() is None
        tap.kill()
        out += tap.stdout.read()
    messages = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
    states = [message["value"] for message in messages if message["type"] == "STATE"]

    config = a_config(sandbox_with_history.url, **settings)
    resumed = run_tap(tmp_path, config, state=states[-1] if states else None)

    messages += resumed.messages
    emitted = {identity(message["record"]) for message in messages if message["type"] == "RECORD"}
    made = {
        (account, each["id"])
        for account in (PLATFORM, CONNECTED)
        for kind in ("charge", "refund")
        for each in sandbox_with_history.objects(kind, account)
    }
    assert emitted == made


def identity(record: Message) -> tuple[str, str]:
    return record["_stripe_account"], record["id"]


@SIGNALS
@EACH_STREAMS_AT_ONCE
def test_a_second_signal_ends_a_run_that_waits_for_its_reader(
    sandbox_with_history: Sandbox, tmp_path: Path, sent: signal.Signals, streams_at_once: int
) -> None:
    with start(tmp_path, sandbox_with_history.url, **BOTH, streams_at_once=streams_at_once) as tap:
        assert tap.stdout is not None
        tap.stdout.readline()
        wait_until_full(tap.stdout.fileno())
        tap.send_signal(sent)
        with pytest.raises(subprocess.TimeoutExpired):  # a line is half out, and its reader may come back
            tap.wait(1)
        tap.send_signal(sent)

        assert tap.wait(20) == 128 + sent


def wait_until_full(pipe: int) -> None:
    """Wait until the pipe has no room for a memory page, so that its writer waits."""
    room = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) - os.sysconf("SC_PAGE_SIZE")
    for _ in range(300):
        unread = array.array("i", [0])
        fcntl.ioctl(pipe, termios.FIONREAD, unread)
        if unread[0] > room:
            return
        time.sleep(0.1)
    raise TimeoutError("the tap never filled the pipe")
