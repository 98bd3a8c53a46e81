"""The target without its journal, or with its commits counted. The product has no such switch.

`python -m tests.benchmarks.launcher forget --config …` keeps only the attempts of one run, in memory.
`python -m tests.benchmarks.launcher count FILE --config …` writes into FILE the number of durable commits
from the first intent on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, event

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.journal import opening
from target_stripe_flow.journal.group_commit import Statement
from target_stripe_flow.journal.ownership import SoleOwner
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.target import TargetStripeFlow


class Forgetful(Journal):
    """A journal that keeps the latest attempts of this run in a dictionary."""

    def __init__(self) -> None:
        self.name, self.ownership = "nowhere", SoleOwner()
        self._latest: dict[str, Attempt] = {}

    def latest(self, digest: str) -> Attempt | None:
        """The latest attempt of this run."""
        return self._latest.get(digest)

    def find_object_id(self, digest: str, fingerprint: str, accepted: str) -> None:
        """Says nothing: `latest` is as cheap."""

    def _fetch(self, query: Select[Any], values: Mapping[str, str]) -> Sequence[Row[Any]]:  # Any: what it selects
        """No rows: there is no earlier run."""
        del query, values
        return []

    def write(self, first_key: str, statement: Statement) -> int:
        """Does nothing."""
        del first_key, statement
        return 0

    def open_attempt(self, attempt: Attempt) -> None:
        """Kept until the process ends."""
        self._latest[attempt.digest] = attempt

    def change(self, attempt: Attempt, *, was: Attempt) -> None:
        """Kept until the process ends."""
        del was
        self._latest[attempt.digest] = attempt

    def keep_shape(self, accepted: str, shape: str) -> None:
        """Does nothing."""


class Count:
    """Counts commits, without the few that open the journal."""

    def __init__(self) -> None:
        self.commits = 0
        self._has_begun = False
        opened = Journal.open_attempt

        def open_attempt(journal: Journal, attempt: Attempt) -> None:
            self._has_begun = True
            opened(journal, attempt)

        setattr(Journal, "open_attempt", open_attempt)  # noqa: B010  # mypy takes no function for a method
        event.listen(Engine, "commit", self._count)

    def _count(self, _connection: Connection) -> None:
        self.commits += self._has_begun


@contextmanager
def forgetting(path: Path, **options: Any) -> Iterator[Journal]:  # Any: those of the function that it replaces
    """Replaces the function that opens the journal in a file."""
    del path, options
    yield Forgetful()


def main() -> None:
    kind = sys.argv.pop(1)
    if kind == "forget":
        setattr(opening, "open_journal", forgetting)  # noqa: B010  # replaces a function
        TargetStripeFlow.cli()
        return
    output, count = Path(sys.argv.pop(1)), Count()
    try:
        TargetStripeFlow.cli()
    finally:
        output.write_text(str(count.commits), encoding="utf-8")


if __name__ == "__main__":
    main()
