"""Runs of the target that are killed at a point, against a real sandbox; and the replay that must mend it all."""

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

# Longer than any run takes; one that is silent so long hangs.
LIFE_S = 180
LOOK_EVERY_S = 0.005

# Where the process kills itself, and where the server holds a request until it is killed.
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
    """A run that is over; `was_killed`: it lived when it met its point, and SIGKILL is what it died of."""

    was_killed: bool
    code: int
    output: str
    log: str

    @property
    def reached(self) -> int:
        """How many rows precede the last whole STATE."""
        whole = self.output.rpartition("\n")[0].splitlines()
        return max((json.loads(line)["value"]["rows"] for line in whole if '"STATE"' in line), default=0)

    @property
    def counts(self) -> dict[str, int]:
        """The sums that were printed."""
        told = next((line for line in self.log.splitlines() if " records: " in line), "")
        parts = told.partition(" records: ")[2].partition(" (")[0].split(", ")
        return {place: int(count) for count, _, place in (part.partition(" ") for part in parts) if count.isdecimal()}


@dataclass
class Ordeal:
    """One sandbox, one journal, one input, many deaths."""

    sandbox: Sandbox
    folder: Path
    rows: Sequence[Row]
    concurrency: int = 4
    most_passages: int = 4  # of a point before it kills
    draw: random.Random = field(default_factory=lambda: random.Random(1))
    background: Sequence[Rule] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    journal: KeptJournal | None = None  # where the journal is; None: in a file of the target's own
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = furnished(self.sandbox, self.rows)
        self._kept = self.journal or OwnFile(self.folder)

    def die(self, point: str) -> Died:
        """A run that is killed at `point`, if it gets so far; what it left is judged at once."""
        died = self._at_server(point) if point in SERVER_POINTS else self._at_disk(point)
        self.judge(died)
        return died

    def live(self) -> Died:
        """A run that nobody kills."""
        with self.started() as process:
            died = self.ended(process)
        self.judge(died)
        return died

    def reconcile(self) -> Died:
        """The replays that must bring all into its place: at once, when looks are allowed, and a day later."""
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
        # What the dead process had sent whole is carried out all the same.
        self.sandbox.release("hold")
        return died

    def hold(self, at: str) -> None:
        """From now on the server holds every write there, but for a few."""
        rule = {"name": "hold", "match": {"method": "POST"}, "at": at, "skip": self.draw.randrange(self.most_passages)}
        policies = (*self.background, rule | {"action": {"kind": "hold"}})
        self.sandbox.faults(*policies, seed=self.draw.randrange(10**6))

    def is_held(self, process: Running) -> bool:
        """Wait for it; False if the process ends without."""
        deadline = time.monotonic() + LIFE_S
        while process.poll() is None:
            if self.sandbox.fault_state("hold")["waiting"]:
                return True
            if time.monotonic() > deadline:
                process.kill()
                raise TimeoutError("the target did not come so far as to be held")
            time.sleep(LOOK_EVERY_S)
        return False

    def kill_when_held(self, process: Running) -> None:
        if self.is_held(process) and process.poll() is None:
            process.send_signal(signal.SIGKILL)

    def started(self, point: str | None = None, nth: int = 0) -> Running:
        """The target over the whole input; with a point, one that kills itself there."""
        (self.folder / "input.jsonl").write_bytes(messages(self.rows))
        settings = a_config(self.sandbox.url, concurrency=self.concurrency, **self._kept.settings, **self.settings)
        config = self.folder / "config.json"
        config.write_text(json.dumps(settings), encoding="utf-8")
        module = "target_stripe_flow" if point is None else "tests.kills.target.launcher"
        mortal = {} if point is None else {"MORTAL_POINT": point, "MORTAL_NTH": str(nth)}
        given, output, log = (self.folder / name for name in ("input.jsonl", "output.txt", "log.txt"))
        line = [sys.executable, "-m", module, "--config", str(config)]
        return started(line, self.folder, clean_env(**mortal, **self.env), given=given, output=output, log=log)

    def ended(self, process: Running) -> Died:
        """Once it is over."""
        try:
            code = process.wait(LIFE_S)
        finally:
            process.kill()
        output, log = (self.folder / "output.txt").read_text(), (self.folder / "log.txt").read_text(errors="replace")
        return Died(was_killed=code == -signal.SIGKILL, code=code, output=output, log=log)

    def judge(self, died: Died) -> None:
        """How it ended, and whether STATE is ahead of what it left."""
        if died.code not in {-signal.SIGKILL, 0, 3, 4}:
            self.broken.append(f"a run ended with {died.code}: {died.log[-500:]}")
        if "Traceback" in died.log:
            self.broken.append(f"a traceback: {died.log[-2000:]}")
        if died.reached:
            self.broken += state_is_not_ahead(self.rows, died.reached, self.world())


def rejects_in(path: Path) -> list[tuple[str, str]]:
    """What a rejects file reports, row and reason; the last line may be cut."""
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines() if path.exists() else []
    told = [json.loads(line) for line in whole]
    return [
        (each["record"]["metadata"]["row"], each["stripe_flow"]["reason"]) for each in told if each["type"] == "RECORD"
    ]
