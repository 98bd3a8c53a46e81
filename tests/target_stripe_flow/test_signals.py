"""How a run of the target ends after a signal, a kill or a closed output."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.support.hangups import hangups
from tests.support.plugins import Message, a_config, a_record, a_schema, a_state, clean_env, command, run_target
from tests.support.sandbox import Sandbox

# Each case starts a process, and interrupts it in the middle of its work.
pytestmark = pytest.mark.volume(cases=1)

SIGNALS = pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])


@contextmanager
def target(folder: Path, url: str, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    with hangups(ignored=False):
        started = subprocess.Popen(
            command("target_stripe_flow", folder, a_config(url, **settings)),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_env(),
        )
    with started as running:
        try:
            yield running
        finally:
            running.kill()


def wait_for(log: IO[bytes], text: bytes) -> None:
    for line in log:
        if text in line:
            return
    raise AssertionError(f"{text!r} was never logged")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def write(running: subprocess.Popen[bytes], *messages: Message) -> None:
    assert running.stdin is not None
    running.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
    running.stdin.flush()


@SIGNALS
def test_a_signal_ends_an_idle_target_at_once(sandbox: Sandbox, tmp_path: Path, sent: signal.Signals) -> None:
    with target(tmp_path, sandbox.url) as running:
        write(running, a_schema("customers"), a_record("customers", id=1, name="Ann"), a_state(done=1))
        assert running.stdout is not None
        assert json.loads(running.stdout.readline()) == {"done": 1}

        running.send_signal(sent)

        assert running.wait(20) == 128 + sent


@pytest.mark.volume
def test_state_is_printed_while_the_input_is_still_open(sandbox: Sandbox, tmp_path: Path) -> None:
    with target(tmp_path, sandbox.url) as running:
        assert running.stdout is not None
        for number in range(3):
            write(running, a_schema("customers"), a_record("customers", id=number, name="Ann"), a_state(done=number))

            assert json.loads(running.stdout.readline()) == {"done": number}


def test_a_signal_after_the_end_of_the_input_stops_the_run_too(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults({"name": "slow", "match": {"method": "POST"}, "at": "after_execute", "action": {"kind": "hold"}})
    with target(tmp_path, sandbox.url, concurrency=1) as running:
        write(running, a_schema("customers"), *[a_record("customers", id=number, name="Ann") for number in range(3)])
        assert running.stdin is not None
        running.stdin.close()
        sandbox.wait_until_held("slow")
        assert running.stderr is not None
        wait_for(running.stderr, b"completed processing")
        running.send_signal(signal.SIGTERM)
        wait_for(running.stderr, b"stopping: requests in flight are finished")
        sandbox.release("slow")

        assert running.wait(20) == 128 + signal.SIGTERM
        assert b"1 records: 1 created" in running.stderr.read()


@pytest.mark.volume(cases=2)
@SIGNALS
def test_after_a_signal_requests_in_flight_are_finished_and_no_record_is_started(
    sandbox: Sandbox, tmp_path: Path, sent: signal.Signals
) -> None:
    sandbox.faults({"name": "slow", "match": {"method": "POST"}, "at": "after_execute", "action": {"kind": "hold"}})
    records = [a_record("customers", id=number, name="Ann") for number in range(6)]
    lines = [a_schema("customers")]
    for number, record in enumerate(records, start=1):
        lines += [record, a_state(done=number)]

    with target(tmp_path, sandbox.url, concurrency=2) as running:
        write(running, *lines)
        sandbox.wait_until_held("slow", 2)
        running.send_signal(sent)
        assert running.stderr is not None
        wait_for(running.stderr, b"stopping: requests in flight are finished")
        sandbox.release("slow")
        output, log = running.communicate(timeout=60)

    assert running.returncode == 128 + sent
    made = len(sandbox.objects("customer"))
    assert made == 2
    assert json.loads(output.splitlines()[-1]) == {"done": 2}
    assert b"2 records: 2 created" in log
    again = run_target(tmp_path, a_config(sandbox.url), lines)
    assert again.summary == "6 records: 4 created, 2 unchanged"
    assert len(sandbox.objects("customer")) == 6


@pytest.mark.parametrize(
    ("fault", "rate"),
    [({"kind": "answer", "status": 503}, 0), ({"kind": "latency", "ms": 1}, 0.2)],
    ids=["503", "rate"],
)
def test_a_signal_ends_the_wait_for_a_resend_or_for_the_rate(
    sandbox: Sandbox, tmp_path: Path, fault: dict[str, object], rate: float
) -> None:
    sandbox.faults({"name": "slow", "match": {"method": "POST"}, "action": fault})
    records = [a_record("customers", id=number, name="Ann") for number in range(40)]
    with target(tmp_path, sandbox.url, max_requests_per_second=rate) as running:
        write(running, a_schema("customers"), *records)
        assert running.stderr is not None
        wait_until(lambda: sandbox.fault_state("slow")["struck"] > 0)
        running.send_signal(signal.SIGTERM)
        wait_for(running.stderr, b"stopping: requests in flight are finished")
        sent = sandbox.fault_state("slow")["struck"]

        assert running.wait(30) == 128 + signal.SIGTERM
        assert sandbox.fault_state("slow")["struck"] <= sent + 16


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_closed_output_ends_the_target(sandbox: Sandbox, tmp_path: Path, concurrency: int) -> None:
    with target(tmp_path, sandbox.url, concurrency=concurrency) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        write(running, a_schema("customers"))
        for number in range(20):
            write(running, a_record("customers", id=number, name="Ann"), a_state(done=number))
        assert running.stdin is not None
        running.stdin.close()

        assert running.wait(30) == 1
        assert b"Traceback" not in running.stderr.read()


def test_a_long_state_is_not_cut_by_a_signal(sandbox: Sandbox, tmp_path: Path) -> None:
    with target(tmp_path, sandbox.url) as running:
        write(running, a_state(ids="x" * 300_000))
        assert running.stdout is not None
        first = running.stdout.read(1)  # the target writes, and the pipe is full
        running.send_signal(signal.SIGTERM)
        rest = running.stdout.read()

    assert json.loads(first + rest) == {"ids": "x" * 300_000}
    assert running.returncode == 128 + signal.SIGTERM


def test_a_refused_key_ends_the_run_while_no_input_arrives(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults({"name": "no", "match": {"method": "POST"}, "action": {"kind": "answer", "status": 401}})
    with target(tmp_path, sandbox.url) as running:
        write(running, a_schema("customers"), a_record("customers", id=1, name="Ann"), a_state(done=1))

        assert running.wait(20) == 4
        assert running.stdout is not None
        assert running.stdout.read() == b""


@pytest.mark.volume(cases=2)
@pytest.mark.promise("target 1", "After a kill (SIGKILL) the next run repeats no charge")
@pytest.mark.parametrize("after", [1, 5, 12])
def test_after_a_kill_the_next_run_repeats_no_charge(sandbox: Sandbox, tmp_path: Path, after: int) -> None:
    lines = [a_schema("charges")]
    lines += [a_record("charges", id=n, amount=100 + n, currency="usd", source="tok_visa") for n in range(20)]
    sandbox.faults(
        {"name": "lost", "match": {"method": "POST"}, "at": "after_execute", "skip": after, "action": {"kind": "hold"}}
    )
    with target(tmp_path, sandbox.url, concurrency=4) as running:
        write(running, *lines)
        sandbox.wait_until_held("lost")
        assert running.poll() is None
        running.kill()
        running.wait(20)
    sandbox.faults()

    again = run_target(tmp_path, a_config(sandbox.url), lines)

    assert again.code == 0
    assert sorted(each["amount"] for each in sandbox.objects("charge")) == [100 + number for number in range(20)]
