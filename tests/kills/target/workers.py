"""Several targets at once on one journal, which are killed and put to sleep while they have rows in hand.

A blow counts only where the database says afterwards that it hit: the process is dead or stopped, and a row is still
in its hands under a lease that lasts.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from target_stripe_flow.journal.location import location_of
from tests.kills.target.journals import TIMEOUT_S
from tests.kills.target.judge import World
from tests.kills.target.ordeal import LIFE_S, Died
from tests.kills.target.rows import TYPES, Row, rows_of, shuffled
from tests.kills.target.worker import Worker
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox

SLEEP_S = 2 * TIMEOUT_S + 0.6
WORKERS = 4
# Rows of each action that a worker gets at once: far more than it does between two blows.
WINDOW = 120
# What every worker does again, since another has done it.
BEHIND = 25
BROKEN, UNSETTLED = 1, 3

_HELD = """SELECT owners.process, attempts.digest FROM attempts JOIN owners USING (owner)
    WHERE state = 'intent' AND alive_until_unix > extract(epoch FROM clock_timestamp())"""
_KEPT = "SELECT owners.process FROM attempts JOIN owners USING (owner) WHERE state = 'intent'"
_LEFT = """SELECT count(attempts.owner), min(extract(epoch FROM clock_timestamp()) - alive_until_unix)
    FROM owners LEFT JOIN attempts USING (owner) WHERE process LIKE %s"""


@dataclass
class Gang:
    """One sandbox, one database, four workers on inputs that overlap."""

    sandbox: Sandbox
    server: Postgres
    url: str
    folder: Path
    draw: random.Random
    workers: list[Worker] = field(default_factory=list)
    reached: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    ends: Counter[int] = field(default_factory=Counter)
    lost: int = 0  # rows that another process took from a sleeper
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with location_of({"journal_url": self.url}).open_journal():
            pass  # its tables
        self._watch = psycopg.connect(self.url, autocommit=True)
        for number in range(WORKERS):
            folder = self.folder / f"worker{number}"
            folder.mkdir()
            self.workers.append(Worker(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """No process is left over, and the watch ends."""
        self._watch.close()
        for worker in self.workers:
            if worker.process is not None:
                worker.process.kill()
                worker.process.wait(LIFE_S)

    def used(self) -> list[Row]:
        """Every row that any worker was given."""
        return rows_of(list(TYPES), self.reached)

    def suffer(self, *, kills: int, sleeps: int, restarts: int) -> None:
        """So many blows that hit, all of them with four workers at work."""
        wanted = {"kill": kills, "sleep": sleeps, "restart": restarts}
        while any(self.hits[blow] < count for blow, count in wanted.items()):
            self._keep_busy()
            left = [blow for blow, count in wanted.items() for _ in range(count - self.hits[blow])]
            blow = self.draw.choice(left)
            if blow == "restart":
                self._restart()
                continue
            open_journal = self._held()
            awake = [worker for worker in self.workers if not worker.asleep_until and worker.pid in open_journal]
            # Two at most sleep at once, so that the others have the time to take what is theirs.
            asleep = len([worker for worker in self.workers if worker.asleep_until])
            if awake and (blow == "kill" or asleep < 2):
                (self._kill if blow == "kill" else self._stop)(self.draw.choice(awake))
            else:
                time.sleep(0.01)

    def rest(self) -> None:
        """Let all of them come to their end by themselves."""
        for worker in self.workers:
            if worker.asleep_until:
                time.sleep(max(0, worker.asleep_until - time.monotonic()))
                self._wake(worker)
            if worker.process is not None:
                self._judge(worker)

    def replay(self) -> Died:
        """Everything again, in one process."""
        worker = self.workers[0]
        worker.start(self.sandbox, self.url, self.used())
        return self._judge(worker)

    def world(self) -> World:
        made = [each for kind in TYPES.values() for each in self.sandbox.objects(kind)]
        rejects = [told for worker in self.workers for told in set(worker.rejects())]
        return World(objects=made, rejects=list(dict.fromkeys(rejects)), requests=self.sandbox.requests())

    def _keep_busy(self) -> None:
        for worker in self.workers:
            if worker.asleep_until and time.monotonic() > worker.asleep_until:
                self._wake(worker)
            if worker.process is not None and worker.process.poll() is not None:
                self._judge(worker)
            if worker.process is None:
                worker.start(self.sandbox, self.url, self._window())

    def _window(self) -> list[Row]:
        """From a little before the first customer that is not there yet, in an order of its own."""
        ((there,),) = self._watch.execute("SELECT count(*) FROM attempts WHERE action = 'customers'")
        start = max(0, there - BEHIND)
        self.reached = max(self.reached, start + WINDOW)
        rows = rows_of(list(TYPES), start + WINDOW)
        named = {row.customer for row in rows if row.number >= start}
        wanted = [row for row in rows if row.number >= start or (row.action == "customers" and row.number in named)]
        return shuffled(wanted, self.draw.randrange(10**6))

    def _held(self) -> dict[int, set[str]]:
        """By the pid of a process, the rows that it has in hand under a lease that lasts."""
        open_journal: dict[int, set[str]] = {}
        for process, digest in self._watch.execute(_HELD):
            open_journal.setdefault(int(process.split()[-1]), set()).add(digest)
        return open_journal

    def _kill(self, worker: Worker) -> None:
        assert worker.process is not None
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait(LIFE_S)
        self.hits["kill"] += worker.process.returncode == -signal.SIGKILL and worker.pid in self._held()
        self._judge(worker)

    def _stop(self, worker: Worker) -> None:
        assert worker.process is not None
        worker.process.send_signal(signal.SIGSTOP)
        worker.asleep_until = time.monotonic() + SLEEP_S
        if worker.process.poll() is None and worker.pid in self._held():
            self.hits["sleep"] += 1
        else:
            self._wake(worker)

    def _wake(self, worker: Worker) -> None:
        assert worker.process is not None
        pid, worker.asleep_until = worker.pid, 0
        ((left, over),) = self._watch.execute(_LEFT, (f"% {pid}",))
        self.lost += over is not None and over > 0 and not left
        worker.process.send_signal(signal.SIGCONT)

    def _restart(self) -> None:
        """Under rows that are held, which then are still there, and all workers end with one clear line.

        Whoever has a row in hand afterwards was cut off from it; another one may have been done just before.
        """
        open_journal = self._held()
        if not any(worker.pid in open_journal and not worker.asleep_until for worker in self.workers):
            return
        self._watch.close()
        self.server.restart()
        self._watch = psycopg.connect(self.url, autocommit=True)
        still = {digest for (digest,) in self._watch.execute("SELECT digest FROM attempts")}
        kept = open_journal.keys() & {int(process.split()[-1]) for (process,) in self._watch.execute(_KEPT)}
        self.hits["restart"] += bool(kept) and set().union(*open_journal.values()) <= still
        for worker in self.workers:
            if worker.asleep_until:
                self._wake(worker)
            if worker.process is not None:
                self._judge(worker, codes={BROKEN} if worker.pid in kept else {0, UNSETTLED, BROKEN})

    def _judge(
        self, worker: Worker, codes: frozenset[int] | set[int] = frozenset({0, UNSETTLED, -signal.SIGKILL})
    ) -> Died:
        """How it ended, whether its sums add up, and whether STATE is ahead of the journal.

        It may end at the very moment at which the lease of a dead one is over, whose row then is open and nobody's.
        """
        died = worker.ended()
        self.ends[died.code] += 1
        if died.code not in codes:
            self.broken.append(f"a worker ended with {died.code}: {died.log[-600:]}")
        if "Traceback" in died.log:
            self.broken.append(f"a traceback: {died.log[-2000:]}")
        if died.code == BROKEN and "cannot be used" not in died.log:
            self.broken.append(f"no clear line: {died.log[-600:]}")
        if died.code == UNSETTLED and "not settled yet: " not in died.log:
            self.broken.append(f"what is not settled is not said: {died.log[-600:]}")
        if died.code in {0, UNSETTLED} and sum(died.counts.values()) != len(worker.rows):
            self.broken.append(f"{len(worker.rows)} rows and {died.counts}")
        if died.reached:
            query = "SELECT action, source_key FROM attempts"
            there = {f"{action}-{json.loads(key)[0]}" for action, key in self._watch.execute(query)}
            there |= {name for name, _ in worker.rejects()}
            ahead = [row.name for row in worker.rows[: died.reached] if row.name not in there]
            self.broken += [f"STATE is ahead of {name}" for name in ahead]
        return died
