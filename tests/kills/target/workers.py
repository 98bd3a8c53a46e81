"""Several targets at once on one journal, which are killed and stopped while they own rows.

A kill or a stop counts only if the database confirms it afterwards: the process is dead or stopped, and still owns a
row under a lease that lasts.
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
# Rows of each action that a worker gets at once: far more than it sends between two disturbances.
WINDOW = 120
# Customers that a worker reads again, although another has created them.
BEHIND = 25
BROKEN, UNSETTLED = 1, 3

_OWNED = """SELECT owners.process, attempts.digest FROM attempts JOIN owners USING (owner)
    WHERE state = 'intent' AND alive_until_unix > extract(epoch FROM clock_timestamp())"""
_INTENTS = "SELECT owners.process FROM attempts JOIN owners USING (owner) WHERE state = 'intent'"
_LEFT = """SELECT count(attempts.owner), min(extract(epoch FROM clock_timestamp()) - alive_until_unix)
    FROM owners LEFT JOIN attempts USING (owner) WHERE process LIKE %s"""


@dataclass
class WorkerGroup:
    """One sandbox, one database, and four workers whose inputs overlap."""

    sandbox: Sandbox
    server: Postgres
    url: str
    folder: Path
    draw: random.Random
    workers: list[Worker] = field(default_factory=list)
    reached: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    ends: Counter[int] = field(default_factory=Counter)
    lost: int = 0  # stopped processes that lost rows to another one
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with location_of({"journal_url": self.url}).open_journal():
            pass  # creates the tables
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
        """End all processes and close the connection."""
        self._watch.close()
        for worker in self.workers:
            if worker.process is not None:
                worker.process.kill()
                worker.process.wait(LIFE_S)

    def used(self) -> list[Row]:
        """Every row that any worker has read."""
        return rows_of(list(TYPES), self.reached)

    def disturb(self, *, kills: int, sleeps: int, restarts: int) -> None:
        """Disturb the workers this many times, always with four of them running."""
        wanted = {"kill": kills, "sleep": sleeps, "restart": restarts}
        while any(self.hits[kind] < count for kind, count in wanted.items()):
            self._keep_busy()
            left = [kind for kind, count in wanted.items() for _ in range(count - self.hits[kind])]
            kind = self.draw.choice(left)
            if kind == "restart":
                self._restart()
                continue
            owned = self._read_owned()
            running = [worker for worker in self.workers if not worker.stopped_until and worker.pid in owned]
            # At most two are stopped at once, so that the others have the time to take their rows.
            stopped = len([worker for worker in self.workers if worker.stopped_until])
            if running and (kind == "kill" or stopped < 2):
                (self._kill if kind == "kill" else self._stop)(self.draw.choice(running))
            else:
                time.sleep(0.01)

    def finish(self) -> None:
        """Let all workers finish."""
        for worker in self.workers:
            if worker.stopped_until:
                time.sleep(max(0, worker.stopped_until - time.monotonic()))
                self._continue(worker)
            if worker.process is not None:
                self._judge(worker)

    def replay(self) -> Died:
        """Read all rows again, in one process."""
        worker = self.workers[0]
        worker.start(self.sandbox, self.url, self.used())
        return self._judge(worker)

    def world(self) -> World:
        """The state of the server and of the rejects files."""
        made = [each for kind in TYPES.values() for each in self.sandbox.objects(kind)]
        rejects = [reject for worker in self.workers for reject in set(worker.rejects())]
        return World(objects=made, rejects=list(dict.fromkeys(rejects)), requests=self.sandbox.requests())

    def _keep_busy(self) -> None:
        for worker in self.workers:
            if worker.stopped_until and time.monotonic() > worker.stopped_until:
                self._continue(worker)
            if worker.process is not None and worker.process.poll() is not None:
                self._judge(worker)
            if worker.process is None:
                worker.start(self.sandbox, self.url, self._window())

    def _window(self) -> list[Row]:
        """Rows from a little before the first customer that does not exist yet, in a random order."""
        ((created,),) = self._watch.execute("SELECT count(*) FROM attempts WHERE action = 'customers'")
        start = max(0, created - BEHIND)
        self.reached = max(self.reached, start + WINDOW)
        rows = rows_of(list(TYPES), start + WINDOW)
        referenced = {row.customer for row in rows if row.number >= start}
        wanted = [
            row for row in rows if row.number >= start or (row.action == "customers" and row.number in referenced)
        ]
        return shuffled(wanted, self.draw.randrange(10**6))

    def _read_owned(self) -> dict[int, set[str]]:
        """The rows that each process owns under a lease that lasts, by pid."""
        owned: dict[int, set[str]] = {}
        for process, digest in self._watch.execute(_OWNED):
            owned.setdefault(int(process.split()[-1]), set()).add(digest)
        return owned

    def _kill(self, worker: Worker) -> None:
        assert worker.process is not None
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait(LIFE_S)
        self.hits["kill"] += worker.process.returncode == -signal.SIGKILL and worker.pid in self._read_owned()
        self._judge(worker)

    def _stop(self, worker: Worker) -> None:
        assert worker.process is not None
        worker.process.send_signal(signal.SIGSTOP)
        worker.stopped_until = time.monotonic() + SLEEP_S
        if worker.process.poll() is None and worker.pid in self._read_owned():
            self.hits["sleep"] += 1
        else:
            self._continue(worker)

    def _continue(self, worker: Worker) -> None:
        assert worker.process is not None
        pid, worker.stopped_until = worker.pid, 0
        ((left, expired_s),) = self._watch.execute(_LEFT, (f"% {pid}",))
        self.lost += expired_s is not None and expired_s > 0 and not left
        worker.process.send_signal(signal.SIGCONT)

    def _restart(self) -> None:
        """Restart the database while workers own rows. The rows must survive, and each worker ends with one clear line.

        A worker that owns a row afterwards was cut off from it; another one may have finished just before.
        """
        owned = self._read_owned()
        if not any(worker.pid in owned and not worker.stopped_until for worker in self.workers):
            return
        self._watch.close()
        self.server.restart()
        self._watch = psycopg.connect(self.url, autocommit=True)
        still = {digest for (digest,) in self._watch.execute("SELECT digest FROM attempts")}
        kept = owned.keys() & {int(process.split()[-1]) for (process,) in self._watch.execute(_INTENTS)}
        self.hits["restart"] += bool(kept) and set().union(*owned.values()) <= still
        for worker in self.workers:
            if worker.stopped_until:
                self._continue(worker)
            if worker.process is not None:
                self._judge(worker, codes={BROKEN} if worker.pid in kept else {0, UNSETTLED, BROKEN})

    def _judge(
        self, worker: Worker, codes: frozenset[int] | set[int] = frozenset({0, UNSETTLED, -signal.SIGKILL})
    ) -> Died:
        """Check how the worker ended, that its counts add up, and that STATE is not ahead of the journal.

        It may end with UNSETTLED: the lease of a dead worker may end at that moment, and its row is then open and free.
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
            self.broken.append(f"the log does not name what is not settled: {died.log[-600:]}")
        if died.code in {0, UNSETTLED} and sum(died.counts.values()) != len(worker.rows):
            self.broken.append(f"{len(worker.rows)} rows and {died.counts}")
        if died.reached:
            query = "SELECT action, source_key FROM attempts"
            stored = {f"{action}-{json.loads(key)[0]}" for action, key in self._watch.execute(query)}
            stored |= {name for name, _ in worker.rejects()}
            ahead = [row.name for row in worker.rows[: died.reached] if row.name not in stored]
            self.broken += [f"STATE is ahead of {name}" for name in ahead]
        return died
