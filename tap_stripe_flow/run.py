"""One run of the tap: what its streams share, which of them failed, and the signal that may end it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from stripe_flow.api.errors import AccountTrouble, KeyRefused, StripeError, StripeFlowError, StripeUnreachable
from stripe_flow.api.settings import open_client
from stripe_flow.singer.fields import Fields
from stripe_flow.singer.run_log import log_fields
from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.accounts import Accounts
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.progress import Progress, not_read
from tap_stripe_flow.settings import read_span

SOME_FAILED = 2

T = TypeVar("T")


class Run:
    """Made once the settings are valid; raises Misconfigured for those that only code can check."""

    def __init__(self, config: Mapping[str, Any], logger: logging.Logger) -> None:  # Any: JSON
        self.client = open_client(config)
        self.accounts = Accounts(self.client)
        self.prefetch = PrefetchPool(config["concurrency"])
        self.span = read_span(config)
        self._logger = logger
        self._failures: list[StripeFlowError] = []
        self._has_progressed = False
        self._begun: dict[tuple[str, str | None], Progress] = {}
        self._current: Progress | None = None

    def begin(self, stream: str, account: str | None, bookmark: object) -> Progress:
        """From now on this is what is read, from `bookmark` on."""
        progress = Progress(stream, account, self.span.end, self.client.traffic, time.monotonic)
        progress.bookmark = bookmark
        self._begun[stream, account] = self._current = progress
        return progress

    @contextmanager
    def written_through(self, writer: LineWriter) -> Iterator[None]:
        """What is written inside is on standard output at the end, and only then counted: no STATE may follow it.

        Where it breaks off, the records that are out count.
        """
        before = writer.records_out
        try:
            try:
                yield
            finally:
                writer.flush()
        finally:
            if self._current is not None:
                self._current.emitted(writer.records_out - before)

    def end(self, error: StripeFlowError | None = None) -> None:
        """What was read until now came to its end, or to this one."""
        current, self._current = self._current, None
        if current is not None:
            current.ended(error)
            log_fields(self._logger, "read", current.sums())

    def now(self) -> Fields:
        """Where the run is; nothing between two streams."""
        current = self._current
        return {} if current is None else current.now()

    def sums(self, parts: Iterable[tuple[str, str | None]]) -> list[Fields]:
        """What became of these streams and accounts."""
        return [self._begun[part].sums() if part in self._begun else not_read(*part) for part in parts]

    def progressed(self) -> None:
        """Stripe has answered, and what it said is out."""
        self._has_progressed = True

    def fail(self, what: str, error: StripeFlowError, *, has_advanced: bool = False) -> None:
        """Note that one stream of one account failed; end the run where no other could fare better.

        `has_advanced`: its state says that some of it was read before.
        """
        # Where Stripe did answer, if only that it cannot now, another endpoint may do better.
        is_unreachable = isinstance(error, StripeUnreachable) and error.refusal is None
        if isinstance(error, KeyRefused) or (is_unreachable and not self._has_progressed):
            self.stop(error)
        self._failures.append(error)
        state = "its state is that of the last window that was read" if has_advanced else "its state stays as it was"
        self._logger.error("%s failed, %s: %s", what, state, error)

    def miss(self, what: str, progress: Progress, error: StripeError) -> None:
        """Note that one object of a stream is not there; the others still come."""
        progress.missing += 1
        self._failures.append(error)
        self._logger.error("%s: %s; the others are read", what, error)

    def stop(self, error: StripeFlowError) -> NoReturn:
        """End the run with one line; as SystemExit, since the SDK would log an Exception a second time."""
        self._logger.error("%s", error)
        raise SystemExit(error.exit_code)

    def exit_code(self) -> int:
        return code_of(self._failures, has_progressed=self._has_progressed)


def code_of(failures: Sequence[StripeFlowError], *, has_progressed: bool) -> int:
    """0, or what the failures of a run amount to."""
    if not failures:
        return 0
    if any(isinstance(error, StripeUnreachable) for error in failures):
        return StripeUnreachable.exit_code
    is_account = all(isinstance(error, AccountTrouble) for error in failures)
    return AccountTrouble.exit_code if is_account and not has_progressed else SOME_FAILED


class Interruption:
    """A signal that may come at any time, and the moments at which it may end the run."""

    def __init__(self) -> None:
        self._is_waiting = False
        self._signal = 0

    @property
    def has_come(self) -> bool:
        """Whether the run is about to end."""
        return self._signal != 0

    def allowed_between(self, items: Iterator[T]) -> Iterator[T]:
        """`items`, where a signal ends the wait for the next one at once, and otherwise between two of them."""
        while True:
            with self.allowed():
                item = next(items, None)
            if item is None:
                return
            yield item

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Inside, where nothing is written, a signal ends the run at once."""
        self._is_waiting = True
        try:
            if self._signal:
                raise SystemExit(128 + self._signal)
            yield
        finally:
            self._is_waiting = False

    def signalled(self, number: int) -> None:
        """Never end inside a line: while records are being written the signal waits; a second one does not."""
        if self._is_waiting:
            raise SystemExit(128 + number)
        if self._signal:
            os._exit(128 + number)
        self._signal = number
