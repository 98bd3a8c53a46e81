"""The cost of long use: a replay of finished input, and the start of a run on a large journal."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measuring import Contender, Reading, Unmeasured, growth, measure
from tests.benchmarks.plugins import DONE, write_input
from tests.benchmarks.processes import Process
from tests.benchmarks.scale import Scale
from tests.support.plugins import Message, a_config, a_record, command
from tests.support.sandbox import Sandbox

# The one request of a run without input: it reads the account of the key.
WHO_AM_I = {"method": "GET", "path": "/v1/account"}
JOURNAL = "journal.db"
FILL_S, AT_MOST_S = 300, 120


@dataclass(frozen=True, kw_only=True)
class Use:
    """Records per second of a replay, the target's and a plain loop's; how its memory grows tenfold the records.

    `start_s` and `new_start_s` are those of a whole run without any input, on the long journal and on an empty one.
    """

    rate: float
    plain_rate: float
    growth: float
    start_s: float
    new_start_s: float


def orders(count: int) -> Iterator[Message]:
    """Customers, then a charge for each of them."""
    for number in range(count // 2):
        email = f"ann{number}@example.com"
        yield a_record("customers", id=number, name=f"Ann {number}", email=email, metadata={"plan": "basic"})
    for number in range(count // 2):
        said = f"Order {number}"
        yield a_record("charges", id=number, amount=1_000, currency="usd", customer=number, description=said)


def uses(rounds: int, scale: Scale) -> list[Use]:
    """Round by round, on one journal that no round changes. Raises Unmeasured."""
    with _long_use(scale) as place:
        return [place.round() for _ in range(rounds)]


@contextmanager
def _long_use(scale: Scale) -> Iterator[_Place]:
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        place = _Place(sandbox, Path(folder), scale)
        line = [sys.executable, "-m", "tests.benchmarks.journals", str(place.long), str(scale.journal_rows)]
        if subprocess.run(line, timeout=FILL_S, check=False).returncode:
            raise Unmeasured("the journal could not be filled")
        place.start(place.new)  # creates an empty journal
        yield place


class _Place:
    """A long journal, an empty one, and the input to replay."""

    def __init__(self, sandbox: Sandbox, folder: Path, scale: Scale) -> None:
        self._sandbox, self._scale = sandbox, scale
        self.long, self.new = folder / "long", folder / "new"
        self.long.mkdir()
        self.new.mkdir()
        self._all = write_input(folder / "all.jsonl", orders(scale.replayed))
        self._few = write_input(folder / "few.jsonl", orders(scale.few_replayed))

    def round(self) -> Use:
        target, journal = self._target(self.long), self.long / JOURNAL
        all_of_them = self._reading(target, self._all)
        few = self._reading(target, self._few)
        plain = self._reading(
            [sys.executable, "-m", "tests.benchmarks.rereading", self._sandbox.url, str(journal)], self._all
        )
        return Use(
            rate=self._scale.replayed / all_of_them.seconds,
            plain_rate=self._scale.replayed / plain.seconds,
            growth=growth(few, all_of_them),
            start_s=self.start(self.long),
            new_start_s=self.start(self.new),
        )

    def start(self, folder: Path) -> float:
        """Seconds of a whole run without input, from the start of its process."""
        self._sandbox.faults()
        began = time.perf_counter()
        with tempfile.TemporaryFile() as errors:
            process = Process(self._target(folder), folder, stdin=Path(os.devnull), errors=errors)
            process.output.read()
            code = process.wait().code
        if code:
            raise Unmeasured(f"a run without input ended with {code}")
        return time.perf_counter() - began

    def _target(self, folder: Path) -> list[str]:
        config = a_config(self._sandbox.url, journal_url=f"sqlite:///{folder / JOURNAL}")
        return command("target_stripe_flow", folder, config)

    def _reading(self, line: Sequence[str], stdin: Path) -> Reading:
        contender = Contender(
            name=line[2],
            sandbox=self._sandbox,
            command=line,
            at_most_s=AT_MOST_S,
            must_finish=True,
            mark=DONE,
            requests=WHO_AM_I,
            stdin=stdin,
        )
        return measure(contender)
