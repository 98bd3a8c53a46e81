"""A dry run answers as the run that follows it: every record's status and the exit code are the same."""

from __future__ import annotations

import logging
import signal
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.in_process import Loop, Observed, run_in_process
from tests.support.official import official
from tests.support.plugins import Message, a_config, a_record, a_schema
from tests.support.sandbox import Sandbox
from tests.support.selection import sizes
from tests.target_stripe_flow.worlds import CARDLESS, CUSTOMER, EMAILS, PRODUCT, Json, Record, World, worlds

STREAMS = ("customers", "products", "prices", "charges", "refunds")
# Of each world, half of the inputs come in one pair of runs, and the others in a second one.
WORLDS = 250
# Statuses that so many worlds have.
ENOUGH = {"created", "updated", "found", "unchanged", "declined", "rejected", "unknown", "deferred"}
# Records of another project, whose keys Stripe has seen with other values.
STRANGERS: Sequence[Record] = (
    ("customers", {"id": "stranger", "name": "Other", "source": "tok_visa"}),
    ("charges", {"id": "stranger", "amount": 300, "currency": "usd", "source": "tok_visa"}),
)
OURS: Sequence[Record] = tuple((stream, {**record, "description": "ours"}) for stream, record in STRANGERS)


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loop = Loop()
    logging.disable(logging.CRITICAL)
    yield loop
    logging.disable(logging.NOTSET)
    loop.close()
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Tried:
    """One world: a sandbox, a journal and the runs on it."""

    def __init__(self, sandbox: Sandbox, folder: Path, world: World) -> None:
        self.sandbox, self.folder, self.world = sandbox, folder, world
        customers = official(sandbox).v1.customers
        official(sandbox).v1.products.create({"id": PRODUCT, "name": "By hand"})
        self.ids = {
            CUSTOMER: customers.create({"email": EMAILS[0], "source": "tok_visa"}).id,
            CARDLESS: customers.create({}).id,
        }
        if world.has_stranger:
            self.run(STRANGERS, journal="stranger.db")
            self.run(OURS)
        self.leave(world)

    def leave(self, world: World) -> None:
        """The journal as the runs before have left it."""
        if (doubt := world.doubt) is None:
            self.run(world.history)
            return
        failing = {"kind": "answer", "status": 500}
        rule = {"match": {"method": "POST"}, "skip": doubt.skip, "times": doubt.times, "at": doubt.at}
        self.sandbox.faults(rule | {"action": failing})
        self.run(world.history)
        self.sandbox.faults()
        if doubt.was_killed:
            with closing(sqlite3.connect(self.folder / "journal.db")) as raw:
                raw.execute("UPDATE attempts SET state = 'intent' WHERE state = 'unknown'")
                raw.commit()
        self.sandbox.advance(doubt.later_s)

    def run(self, records: Sequence[Record], *, journal: str = "journal.db", dry: bool = False) -> Observed:
        files = {
            "journal_url": f"sqlite:///{self.folder / journal}",
            "rejects_path": str(self.folder / f"{journal}.jsonl"),
        }
        config = a_config(self.sandbox.url, **self.world.settings, **files, dry_run=dry)
        return run_in_process(self.folder, config, self.lines(records))

    def lines(self, records: Sequence[Record]) -> list[Message]:
        schemas = [a_schema(stream) for stream in STREAMS]
        return [*schemas, *(a_record(stream, **self.known(record)) for stream, record in records)]

    def known(self, record: Json) -> Json:
        """The record with the ids of the objects that it names."""
        return {name: self.ids.get(value, value) if isinstance(value, str) else value for name, value in record.items()}

    def writes(self) -> int:
        return [each["method"] for each in self.sandbox.requests()].count("POST")

    def files(self) -> dict[str, tuple[bytes, int]]:
        """The bytes and the time of change of each file of the journal, and of the rejects."""
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.folder.glob("*.db*")}


@pytest.mark.promise("target 10", "A dry run gives the statuses and the exit code of the real run")
@pytest.mark.parametrize("count", sizes(10, WORLDS))
def test_2000_inputs_have_the_statuses_and_the_exit_code_of_the_run_that_follows(count: int, loop: Loop) -> None:
    statuses: Counter[str] = Counter()
    codes: Counter[int] = Counter()

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # to shrink an example takes minutes
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(worlds())
    def agree(world: World) -> None:
        with tempfile.TemporaryDirectory(dir=_memory()) as folder, loop.sandbox() as sandbox:
            tried = Tried(sandbox, Path(folder), world)
            for records in world.rounds:
                before = tried.writes(), tried.files()
                dry = tried.run(records, dry=True)
                assert (tried.writes(), tried.files()) == before
                real = tried.run(records)
                assert dry.statuses == real.statuses, [
                    (line, dry.outcomes[line], real.outcomes.get(line))
                    for line in dry.outcomes
                    if dry.outcomes[line].status != real.outcomes[line].status
                ]
                assert dry.code == real.code
                statuses.update(real.statuses.values())
                codes[real.code] += 1

    agree()
    assert count < WORLDS or set(statuses) >= ENOUGH


def _memory() -> str | None:
    """Where files need no disk, if there is such a place: a commit is then a hundred times as fast."""
    return next((str(path) for path in [Path("/dev/shm")] if path.is_dir()), None)  # only of these tests
