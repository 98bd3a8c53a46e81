"""One ordeal: a tap that is killed again and again reads four streams of three accounts side by side.

It begins with a backfill, and then reads live traffic.
"""

from __future__ import annotations

import json
import random
import signal
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tests.kills.tap.history import Emitted, Partition, Run, counted_in, events_of, last_state
from tests.kills.tap.judge import Judge
from tests.kills.tap.outcome import OVERLAP_S, Outcome
from tests.kills.tap.process import Ended, run_until_killed
from tests.kills.tap.traffic import Traffic
from tests.support.plugins import a_config, command, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.furnishing import with_selected

NOW = 1_800_000_000
ACCOUNTS = (PLATFORM, CONNECTED, "acct_1SandboxThird")
KINDS = {
    "charges": "charge",
    "refunds": "refund",
    "customers": "customer",
    "balance_transactions": "balance_transaction",
}
_LISTED = {"customers_mode": "list"}
# Each account's history: few objects, with ties, and then a minute as busy as the traffic.
_PAST = {"charges": 2000, "days": 1}
_KEYS = {"accounts": dict.fromkeys(ACCOUNTS, _PAST), "keys": {Sandbox.key: {"account": PLATFORM}}}
_BUSY_S = 60
# About a fifth of the objects become visible within the overlap, about as many at its end. Answers are slow.
_LATE: Mapping[str, int] = {"late": 0, "latest": OVERLAP_S - 2}
_FAULTS: Sequence[Mapping[str, object]] = [
    {"name": "slow", "match": {"method": "GET"}, "action": {"kind": "latency", "ms": 10, "jitter_ms": 10}},
    *(
        {
            "name": name,
            "match": {"method": "POST"},
            "probability": 0.2,
            "action": {"kind": "late_visibility", "at_least_s": at_least_s, "up_to_s": OVERLAP_S},
        }
        for name, at_least_s in _LATE.items()
    ),
]
# How many seconds a second of the sandbox's clock takes, until the overlap is full and afterwards.
_FAST_S, _STEADY_S = 0.04, 0.25
# About three windows of charges: with more bytes there would be fewer kills.
_MOST_BYTES, _LEAST_BYTES = 5_000_000, 100_000
# How many bytes of output the pipe holds when the tap is killed: from a part of a line to half a window.
_PIPES = (4096, 64 * 1024, 1024 * 1024)
_UNTIL_THE_END = 1 << 62
# Windows are read one after the other, or several in parallel.
_CONCURRENCIES = (1, 4, 16)
# How many of the streams and accounts are read side by side: the default, all, or one after the other.
_STREAMS_AT_ONCE = (8, 8, 64, 1)
# One run in this many is not killed: otherwise the last accounts and streams would never be read to the present.
_NOT_KILLED_EVERY = 8
# One kill in this many is a SIGTERM, after which the tap writes what it has committed, and a summary.
_SIGTERM_EVERY = 6
_FINAL_RUNS = 10


def run_ordeal(folder: Path, *, seed: int, kills: int, streams_at_once: Sequence[int] = _STREAMS_AT_ONCE) -> Outcome:
    """Run the ordeal in `folder` with at least `kills` kills; each run draws its `streams_at_once` from those.

    Raises RuntimeError if a run of the tap fails.
    """
    started_s = time.monotonic()
    keys = folder / "keys.json"
    keys.write_text(json.dumps(_KEYS))
    with Sandbox("--keys", str(keys), "--seed", str(seed), "--now", str(NOW)) as sandbox:
        sandbox.faults(*_FAULTS, seed=seed)
        tap_runs = _Runs(sandbox, folder, seed, streams_at_once)
        tap_runs.kill_often(_make_history(sandbox, seed), kills)
        sandbox.advance(OVERLAP_S + 1)
        tap_runs.read_the_rest()
        held = {
            Partition(stream, account): _objects(sandbox, kind, account)
            for stream, kind in KINDS.items()
            for account in ACCOUNTS
        }
        return Outcome(
            seed=seed,
            streams_at_once=max(streams_at_once),
            verdict=tap_runs.judge.close(
                {partition: [each.id for each in objects] for partition, objects in held.items()}
            ),
            kills=tap_runs.kills,
            kills_when_full=tap_runs.kills_when_full,
            runs=tap_runs.runs,
            written_bytes=tap_runs.written_bytes,
            late_objects=sum(int(sandbox.fault_state(name)["struck"]) for name in _LATE),
            created={partition: [each.created for each in objects] for partition, objects in held.items()},
            took_s=time.monotonic() - started_s,
        )


def _make_history(sandbox: Sandbox, seed: int) -> Traffic:
    """Make a busy minute that is settled; returns the traffic, which is not running yet."""
    traffic = Traffic(sandbox, ACCOUNTS, seed=seed, second_s=_FAST_S)
    for _ in range(_BUSY_S):
        traffic.beat()
    traffic.rest(2 * OVERLAP_S)
    return traffic


class _Runs:
    """The runs of one tap, each from the state of the run before."""

    def __init__(self, sandbox: Sandbox, folder: Path, seed: int, streams_at_once: Sequence[int]) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._streams_at_once = streams_at_once
        self._catalog = _catalog(folder)
        self._draw = random.Random(seed)
        self._state = folder / "state.json"
        self._reach_bytes = _MOST_BYTES
        self.judge = Judge(OVERLAP_S)
        self.kills = self.kills_when_full = self.runs = self.written_bytes = 0

    def kill_often(self, traffic: Traffic, kills: int) -> None:
        """Kill `kills` runs, a third of them after the traffic has filled an overlap and slowed down."""
        full_unix = traffic.now_unix + OVERLAP_S + 20
        most_runs = 4 * kills + 100
        with traffic:
            while (self.kills < kills or self.kills_when_full < kills // 3) and self.runs < most_runs:
                traffic.check()
                is_full = traffic.now_unix >= full_unix
                traffic.second_s = _STEADY_S if is_full else _FAST_S
                before = self.kills
                self._run(self._aim())
                self.kills_when_full += is_full and self.kills - before

    def read_the_rest(self) -> None:
        """Run until a run emits no record. Raises RuntimeError if too many runs do."""
        for _ in range(_FINAL_RUNS):
            run = self._run(_UNTIL_THE_END)
            if not any(isinstance(event, Emitted) for event in run.events):
                return
        raise RuntimeError(f"the tap still emits records in run {_FINAL_RUNS} after the traffic stopped")

    def _aim(self) -> int:
        """After how many bytes to kill: anywhere in the expected output, more often near its beginning."""
        if self.runs % _NOT_KILLED_EVERY == _NOT_KILLED_EVERY - 1:
            return _UNTIL_THE_END
        share = self._draw.random() ** self._draw.choice((1, 1, 4))
        return 1 + int(share * self._reach_bytes)

    def _run(self, after_bytes: int) -> Run:
        clock_unix = self._sandbox.clock()
        sent = signal.SIGTERM if self.runs % _SIGTERM_EVERY == 0 else signal.SIGKILL
        pipe_bytes = self._draw.choice(_PIPES)
        ended = run_until_killed(
            self._command(), self._folder, after_bytes=after_bytes, pipe_bytes=pipe_bytes, sent=sent
        )
        if not ended.was_killed and ended.code != 0:
            raise RuntimeError(f"run {self.runs} of the tap ended with {ended.code}: {ended.log[-2000:]}")
        self._count(ended)
        run = Run(
            clock_unix=clock_unix,
            was_killed=ended.was_killed,
            events=events_of(ended.written),
            counted=counted_in(ended.log),
        )
        self.judge.add(run)
        return run

    def _count(self, ended: Ended) -> None:
        self.runs += 1
        self.kills += ended.was_killed
        self.written_bytes += len(ended.written)
        # Few runs should end before they are killed: aim at the output length of the last complete run.
        next_bytes = self._reach_bytes * 5 // 4 if ended.was_killed else len(ended.written)
        self._reach_bytes = min(max(next_bytes, _LEAST_BYTES), _MOST_BYTES)
        state = last_state(ended.written)
        if state is not None:
            self._state.write_bytes(state)

    def _command(self) -> list[str]:
        config = a_config(
            self._sandbox.url,
            overlap_s=OVERLAP_S,
            account_ids=["self", *ACCOUNTS[1:]],
            **_LISTED,
            concurrency=self._draw.choice(_CONCURRENCIES),
            streams_at_once=self._draw.choice(self._streams_at_once),
        )
        options = ["--state", str(self._state)] if self._state.exists() else []
        return command("tap_stripe_flow", self._folder, config, "--catalog", str(self._catalog), *options)


def _catalog(folder: Path) -> Path:
    """A catalog with the streams of KINDS selected."""
    discovered = run_tap(folder, {"account_ids": ["self"], **_LISTED}, "--discover")
    path = folder / "catalog.json"
    path.write_text(json.dumps(with_selected(json.loads(discovered.output), *KINDS)))
    return path


class _Object(msgspec.Struct):
    id: str
    created: int


class _Objects(msgspec.Struct):
    data: list[_Object]


def _objects(sandbox: Sandbox, kind: str, account: str) -> list[_Object]:
    """The objects as `sandbox.objects` returns them, but only id and `created`, which is faster."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{sandbox.url}/_sandbox/objects?type={kind}&account={account}", timeout=60) as answer:
        return msgspec.json.decode(answer.read(), type=_Objects).data
