"""Runs of the target that are killed at a point, against a real sandbox, and the replay that must repair it all."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.kills.target.journals import KeptJournal, OwnFile, in_doubt
from tests.kills.target.judge import World, all_is_settled, never_twice, state_is_not_ahead, types_of
from tests.kills.target.rows import Row, furnished, messages
from tests.support.forking import Running, started
from tests.support.plugins import a_config, clean_env
from tests.support.sandbox import Sandbox

# Longer than any run takes.
LIFE_S = 180
POLL_EVERY_S = 0.005

# The points at which the process kills itself, and those at which the server holds a request until it is killed.
DISK_POINTS = (
    "before the intent",
    "after the intent",
    "answer received but not written",
    "outcome written but not reported",
    "reported but STATE not printed",
    "before STATE",
)
SERVER_POINTS = {"while sending": "before_execute", "executed but the answer lost": "after_execute"}
POINTS = (*DISK_POINTS, *SERVER_POINTS)

Rule = Mapping[str, Any]  # Any: JSON of a fault


@dataclass(frozen=True, kw_only=True)
class Died:
    """A run that has ended; `was_killed`: it was ended by SIGKILL."""

    was_killed: bool
    code: int
    output: str
    log: str

    @property
    def reached(self) -> int:
        """The number of rows before the last complete STATE."""
        whole = self.output.rpartition("\n")[0].splitlines()
        return max((json.loads(line)["value"]["rows"] for line in whole if '"STATE"' in line), default=0)

    @property
    def counts(self) -> dict[str, int]:
        """The counts of the summary, by status."""
        summary = next((line for line in self.log.splitlines() if " records: " in line), "")
        parts = summary.partition(" records: ")[2].partition(" (")[0].split(", ")
        return {status: int(count) for count, _, status in (part.partition(" ") for part in parts) if count.isdecimal()}


@dataclass
class Ordeal:
    """One sandbox, one journal and one input for many runs that are killed."""

    sandbox: Sandbox
    folder: Path
    rows: Sequence[Row]
    concurrency: int = 4
    most_passages: int = 4  # passages of a point before the kill
    draw: random.Random = field(default_factory=lambda: random.Random(1))
    background: Sequence[Rule] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    journal: KeptJournal | None = None  # None: the target's default file
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = furnished(self.sandbox, self.rows)
        self._kept = self.journal or OwnFile(self.folder)

    def die(self, point: str) -> Died:
        """A run that is killed at `point`, if it gets there. What it leaves is judged at once."""
        died = self._at_server(point) if point in SERVER_POINTS else self._at_disk(point)
        self.judge(died)
        return died

    def live(self) -> Died:
        """A run that is not killed."""
        with self.started() as process:
            died = self.ended(process)
        self.judge(died)
        return died

    def reconcile(self) -> Died:
        """The replays that must settle everything: at once, when scans are allowed, and a day later."""
        self.sandbox.faults()
        for pause_s in (0, 11 * 60, 25 * 3600):
            self.sandbox.advance(pause_s)
            self.live()
        last = self.live()
        world = replace(self.world(), requests=self.sandbox.requests())
        self.broken += never_twice(self.rows, world) + all_is_settled(self.rows, world, last.counts)
        if last.code not in {0, 3}:
            self.broken.append(f"the last run ended with {last.code}: {last.log[-500:]}")
        return last

    def world(self) -> World:
        """The state of the server, of the rejects file and of the journal."""
        made = [each for kind in types_of(self.rows) for each in self.sandbox.objects(kind)]
        return World(
            objects=made, rejects=rejects_in(self.folder / "stripe-flow-rejects.jsonl"), in_doubt=in_doubt(self._kept)
        )

    def _at_disk(self, point: str) -> Died:
        self.sandbox.faults(*self.background, seed=self.draw.randrange(10**6))
        nth = 0 if point == "before STATE" else self.draw.randrange(self.most_passages)
        with self.started(point, nth) as process:
            return self.ended(process)

    def _at_server(self, point: str) -> Died:
        self.hold(SERVER_POINTS[point])
        with self.started() as process:
            self.kill_when_held(process)
            died = self.ended(process)
        # A request that the dead process had sent completely is executed all the same.
        self.sandbox.release("hold")
        return died

    def hold(self, at: str) -> None:
        """Let the server hold every write at this point, except the first few."""
        rule = {"name": "hold", "match": {"method": "POST"}, "at": at, "skip": self.draw.randrange(self.most_passages)}
        policies = (*self.background, rule | {"action": {"kind": "hold"}})
        self.sandbox.faults(*policies, seed=self.draw.randrange(10**6))

    def is_held(self, process: Running) -> bool:
        """Wait until a request is held; False if the process ends before."""
        deadline = time.monotonic() + LIFE_S
        while process.poll() is None:
            if self.sandbox.fault_state("hold")["waiting"]:
                return True
            if time.monotonic() > deadline:
                process.kill()
                raise TimeoutError("no request of the target was held")
            time.sleep(POLL_EVERY_S)
        return False

    def kill_when_held(self, process: Running) -> None:
        """Kill the process once a request is held."""
        if self.is_held(process) and process.poll() is None:
            process.send_signal(signal.SIGKILL)

    def started(self, point: str | None = None, nth: int = 0) -> Running:
        """A target that reads the whole input; with a point, it kills itself there."""
        (self.folder / "input.jsonl").write_bytes(messages(self.rows))
        settings = a_config(
            self.sandbox.url,
            source_name="default",
            concurrency=self.concurrency,
            **self._kept.settings,
            **self.settings,
        )
        config = self.folder / "config.json"
        config.write_text(json.dumps(settings), encoding="utf-8")
        module = "target_stripe_flow" if point is None else "tests.kills.target.launcher"
        mortal = {} if point is None else {"MORTAL_POINT": point, "MORTAL_NTH": str(nth)}
        read, output, log = (self.folder / name for name in ("input.jsonl", "output.txt", "log.txt"))
        line = [sys.executable, "-m", module, "--config", str(config)]
        return started(line, self.folder, clean_env(**mortal, **self.env), given=read, output=output, log=log)

    def ended(self, process: Running) -> Died:
        """Wait for the end of the process."""
        try:
            code = process.wait(LIFE_S)
        finally:
            process.kill()
        output, log = (self.folder / "output.txt").read_text(), (self.folder / "log.txt").read_text(errors="replace")
        return Died(was_killed=code == -signal.SIGKILL, code=code, output=output, log=log)

    def judge(self, died: Died) -> None:
        """Check how the run ended, and that its STATE is not ahead of what it left."""
        if died.code not in {-signal.SIGKILL, 0, 3, 4}:
            self.broken.append(f"a run ended with {died.code}: {died.log[-500:]}")
        if "Traceback" in died.log:
            self.broken.append(f"a traceback: {died.log[-2000:]}")
        if died.reached:
            self.broken += state_is_not_ahead(self.rows, died.reached, self.world())


def rejects_in(path: Path) -> list[tuple[str, str]]:
    """The row and reason of each record in a rejects file, whose last line may be cut."""
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines() if path.exists() else []
    reported = [json.loads(line) for line in whole]
    return [
        (each["record"]["metadata"]["row"], each["stripe_flow"]["reason"])
        for each in reported
        if each["type"] == "RECORD"
    ]
