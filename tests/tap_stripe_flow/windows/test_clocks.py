"""Only Stripe's time counts: a wrong clock of this machine changes nothing, and a list is as old as its request."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support import clock_shift
from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, clean_env, command, run, run_tap
from tests.support.sandbox import Sandbox

shifts_the_clock = pytest.mark.skipif(clock_shift.compiler() is None, reason="it takes Linux and a C compiler")

NOW = int(time.time())  # Stripe and this machine have the right time; only the process of the tap has a shifted clock
HOUR_S, TICK_S = 3600, 600
OVERLAP_S, SLOW_S = 600, 6
AHEAD_OR_BEHIND = pytest.mark.parametrize("shift_s", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])
A_CHARGE = {"amount": 1000, "currency": "usd", "source": "tok_visa"}
STREAMS = ("charges", "refunds")
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "new": {},
    "new from now on": {"start_date": "now"},
    "changes": {"capture": "changes"},
}

WHAT_A_CHILD_SEES = """
import json, threading, time
from datetime import UTC, datetime
before_s = time.monotonic()
threading.Event().wait(0.2)
lock = threading.Lock()
lock.acquire()
lock.acquire(timeout=0.2)
thread_sees = []
thread = threading.Thread(target=lambda: thread_sees.append(time.time()))
thread.start()
thread.join()
clocks = {"time": time.time(), "datetime": datetime.now(UTC).timestamp(), "in a thread": thread_sees[0]}
print(json.dumps({"clocks": clocks, "monotonic": time.monotonic(), "waited_s": time.monotonic() - before_s}))
"""


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of two runs: exit codes, records by stream, last states."""

    codes: list[int] = field(default_factory=list)
    records: list[dict[str, list[Message]]] = field(default_factory=list)
    states: list[Message] = field(default_factory=list)

    def add(self, done: Ended) -> None:
        self.codes.append(done.code)
        self.records.append({name: done.records(name) for name in STREAMS})
        self.states.append(done.states[-1])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clock_shift.build(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module", params=SETTINGS)
def setting(request: pytest.FixtureRequest) -> Mapping[str, object]:
    return SETTINGS[request.param]


@pytest.fixture(scope="module")
def unshifted(setting: Mapping[str, object], tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The two runs on a machine with the right time."""
    return two_ticks(tmp_path_factory.mktemp("right"), setting, {})


@shifts_the_clock
@AHEAD_OR_BEHIND
def test_a_shifted_process_sees_another_time_and_the_same_monotonic_clock(library: Path, shift_s: int) -> None:
    started, started_s = time.time(), time.monotonic()
    seen = child_sees(clock_shift.shifted(library, shift_s))
    ended, ended_s = time.time(), time.monotonic()

    assert all(started <= clock - shift_s <= ended for clock in seen["clocks"].values())
    assert started_s <= seen["monotonic"] <= ended_s
    assert 0.4 <= seen["waited_s"] <= ended_s - started_s


@pytest.mark.volume(cases=1)
@pytest.mark.promise("tap 2", "A machine clock that is an hour wrong changes neither records nor state")
@shifts_the_clock
@AHEAD_OR_BEHIND
def test_a_wrong_clock_changes_neither_records_nor_state(
    unshifted: Results, setting: Mapping[str, object], library: Path, shift_s: int, tmp_path: Path
) -> None:
    results = two_ticks(tmp_path, setting, clock_shift.shifted(library, shift_s))

    assert unshifted.codes == [0, 0]
    assert all(len(unshifted.records[1][name]) >= 3 for name in STREAMS)
    assert results == unshifted


@pytest.mark.promise("tap 2", "A slow answer does not shorten the overlap")
def test_a_slow_answer_does_not_shorten_the_overlap(sandbox: Sandbox, tmp_path: Path) -> None:
    """An answer's Date is the time of its sending; the list in it may be older."""
    hidden = {"kind": "late_visibility", "at_least_s": OVERLAP_S, "up_to_s": OVERLAP_S}
    sandbox.faults({"match": {"method": "POST"}, "action": hidden})
    late = official(sandbox).v1.charges.create(A_CHARGE).id
    sandbox.advance(OVERLAP_S - SLOW_S // 2)
    config = a_config(sandbox.url)

    first = run_slowly(sandbox, tmp_path, config)
    sandbox.advance(TICK_S)
    second = run_tap(tmp_path, config, state=first.states[-1])

    assert [len(first.records("charges")), [each["id"] for each in second.records("charges")]] == [0, [late]]


def test_an_event_of_an_object_that_is_not_listed_yet_is_ignored(sandbox: Sandbox, tmp_path: Path) -> None:
    client, config = official(sandbox).v1, a_config(sandbox.url, capture="changes")
    state = run_tap(tmp_path, config).states[-1]
    hidden = {"kind": "late_visibility", "at_least_s": 300, "up_to_s": 300}
    sandbox.faults({"match": {"path": "/v1/charges"}, "action": hidden})
    charge = client.charges.create(A_CHARGE).id
    client.charges.update(charge, {"description": "changed"})
    results = [each.type for each in client.events.list().data]

    early = run_tap(tmp_path, config, state=state)
    sandbox.advance(TICK_S)
    late = run_tap(tmp_path, config, state=early.states[-1])

    assert results == ["charge.updated"]
    assert early.records("charges") == []
    assert [(each["id"], each["description"]) for each in late.records("charges")] == [(charge, "changed")]


def run_slowly(sandbox: Sandbox, folder: Path, config: dict[str, object]) -> Ended:
    """A run in which the list of charges is answered SLOW_S seconds after it was read, by all clocks."""
    rule = {"name": "slow", "match": {"method": "GET", "path": "/v1/charges"}, "at": "before_answer", "times": 1}
    sandbox.faults(rule | {"action": {"kind": "hold"}})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_tap, folder, config)
        try:
            sandbox.wait_until_held("slow")
            time.sleep(SLOW_S)
        finally:
            sandbox.release("slow")
        return running.result()


def child_sees(env: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON
    done = subprocess.run(
        [sys.executable, "-c", WHAT_A_CHILD_SEES], env=clean_env(**env), capture_output=True, timeout=60, check=True
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def two_ticks(folder: Path, setting: Mapping[str, object], env: Mapping[str, str]) -> Results:
    """Two runs over an account with old objects; more are made between them, several of them in one second."""
    results = Results()
    with Sandbox("--seed", "5", "--charges", "300", "--days", "30", "--now", str(NOW - 2 * TICK_S)) as sandbox:
        config = a_config(sandbox.url, **setting)
        for now in (NOW - TICK_S, NOW):
            live_on(sandbox, [now - 500, now - 200, now - 200])
            (folder / "state.json").write_text(json.dumps(results.states[-1] if results.states else {}))
            line = command("tap_stripe_flow", folder, config, "--state", str(folder / "state.json"))
            with standing_still(sandbox, now):
                results.add(run(line, folder, **env))
    return results


def live_on(sandbox: Sandbox, moments: list[int]) -> None:
    """At each moment: make a charge, refund half of it, and change an old charge."""
    client = official(sandbox).v1
    old = sandbox.objects("charge")[0]["id"]
    for moment in moments:
        with standing_still(sandbox, moment):
            made = client.charges.create(A_CHARGE)
            client.refunds.create({"charge": made.id, "amount": 500})
            client.charges.update(old, {"description": f"changed at {moment}"})


@contextmanager
def standing_still(sandbox: Sandbox, unix: int) -> Iterator[None]:
    """Set the sandbox's clock back to the beginning of its second ten times a second, so that it stays in it."""
    is_over = threading.Event()

    def hold() -> None:
        while not is_over.wait(0.1):
            sandbox.set_clock(unix)

    sandbox.set_clock(unix)
    holding = threading.Thread(target=hold)
    holding.start()
    before = len(sandbox.requests())
    try:
        yield
    finally:
        is_over.set()
        holding.join()
    assert {each["time"] for each in sandbox.requests()[before:]} == {unix}, "the sandbox's clock did not stand still"
