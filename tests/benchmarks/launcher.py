"""The target as it would be without its journal, and with its commits counted. The product has no such switch.

`python -m tests.benchmarks.launcher forget --config …` keeps nothing but what one run needs, in memory.
`python -m tests.benchmarks.launcher count FILE --config …` writes into FILE how many durable commits it took, from
the first intent on, to do everything.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, event

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.journal import opening
from target_stripe_flow.journal.ownership import SoleOwner
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.target import TargetStripeFlow


class Forgetful(Journal):
    """The latest attempts of this run, in a dictionary."""

    def __init__(self) -> None:
        self.name, self.ownership = "nowhere", SoleOwner()
        self._latest: dict[str, Attempt] = {}

    def latest(self, digest: str) -> Attempt | None:
        """Of this run."""
        return self._latest.get(digest)

    def made(self, digest: str, fingerprint: str, accepted: str) -> None:
        """Says nothing: `latest` is as cheap."""

    def knows(self, account: str, mode: str) -> bool:
        """Whoever acts is no stranger here."""
        del account, mode
        return True

    def open_attempts(self, account: str, mode: str) -> list[Attempt]:
        """Nothing: here is no run before this one."""
        del account, mode
        return []

    def open_attempt(self, attempt: Attempt) -> None:
        """Gone with the process."""
        self._latest[attempt.digest] = attempt

    def change(self, attempt: Attempt, *, was: Attempt) -> None:
        """As above."""
        del was
        self._latest[attempt.digest] = attempt

    def keep_shape(self, accepted: str, shape: str) -> None:
        """Nothing."""


class Count:
    """Of commits; the few that open the journal are not among them."""

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
def forgetting(path: Path) -> Iterator[Journal]:
    """Stands where the journal in a file is opened."""
    del path
    yield Forgetful()


def main() -> None:
    kind = sys.argv.pop(1)
    if kind == "forget":
        setattr(opening, "held", forgetting)  # noqa: B010  # a function in the place of another
        TargetStripeFlow.cli()
        return
    told, count = Path(sys.argv.pop(1)), Count()
    try:
        TargetStripeFlow.cli()
    finally:
        told.write_text(str(count.commits), encoding="utf-8")


if __name__ == "__main__":
    main()
