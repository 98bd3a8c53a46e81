"""One run of the tap: the client and pool that streams share, their failures and exit code, and signals."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from stripe_flow.api.client import CHECK_PATH
from stripe_flow.api.errors import KeyRefused, StripeError, StripeFlowError, StripeUnreachable
from stripe_flow.api.settings import open_client
from stripe_flow.api.stripe_ids import shown_id
from stripe_flow.api.traffic import Traffic
from stripe_flow.singer.fields import Fields
from stripe_flow.singer.run_log import log_fields
from tap_stripe_flow.accounts import Accounts
from tap_stripe_flow.capture.shared_events import SharedEvents
from tap_stripe_flow.failures import code_of, is_of_all_streams
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.shared_pages import SharedPages
from tap_stripe_flow.progress import Progress, not_read, together
from tap_stripe_flow.settings import read_span
from tap_stripe_flow.windows.id_pool import IdPool

# How long to wait for any answer before Stripe counts as unreachable for all streams.
PROBE_S = 5
# How many refused parents of one stream and account are named in the log; the others are counted.
MOST_NAMED = 5

# How many threads may wait for the throttle and for answers; `concurrency` of them have a request in flight.
MOST_THREADS = 256

T = TypeVar("T")


class Run:
    """What the streams of a run share, and the record of what they did.

    `shared_lists` are the members that hold lists of which a stream and its child stream read all, by their names.

    Raises Misconfigured for settings that fit their schema and are still invalid.
    """

    def __init__(self, config: Mapping[str, Any], logger: logging.Logger) -> None:  # Any: JSON
        self.client = open_client(config, most_in_flight=config["concurrency"])
        # The writer waits for its requests, so it has a connection of its own: all others may hang.
        self._probing = replace(self.client, transport=open_client(config).transport)
        self.accounts = Accounts(self.client)
        self.prefetch = PrefetchPool(config["concurrency"], MOST_THREADS)
        self.ids = IdPool()
        self.shared_events = SharedEvents()
        self.shared_lists: Mapping[str, frozenset[str]] = {}
        self.shared_pages = SharedPages()
        self.span = read_span(config)
        self._logger = logger
        # Only the kinds: errors would keep the frames that raised them, and all the pages that these had read.
        self._failures: set[type[StripeFlowError]] = set()
        self._has_progressed = self._is_unreachable = False
        self._probed: StripeError | None = None
        self._probed_s = -math.inf
        self._started: dict[tuple[str, str | None], Progress] = {}
        self._lock = threading.Lock()

    def begin(self, stream: str, account: str | None, bookmark: object, traffic: Traffic) -> Progress:
        """Start to read one stream and account from `bookmark` on; `traffic` counts its requests."""
        progress = Progress(stream, account, self.span.end, traffic, time.monotonic)
        progress.bookmark = bookmark
        with self._lock:
            self._started[stream, account] = progress
        return progress

    def end(self, progress: Progress, error: BaseException | None = None) -> None:
        """Note the end of one stream and account, with `error` if it failed, and log its summary."""
        progress.finish(error)
        if progress.refused > MOST_NAMED:
            message = "stream %s: the child objects or a list of %d objects cannot be read; the log names %d of them"
            self._logger.warning(message, progress.stream, progress.refused, MOST_NAMED)
        log_fields(self._logger, "read", progress.summary_fields())

    def live_fields(self) -> Fields:
        """The fields of the live line; empty before the first stream and after the last one."""
        with self._lock:
            started = list(self._started.values())
        return together(started, self.client.traffic)

    def summary(self, streams: Iterable[tuple[str, str | None]]) -> list[Fields]:
        """The summary fields of these streams and accounts, in their order."""
        return [self._started[each].summary_fields() if each in self._started else not_read(*each) for each in streams]

    def note_progress(self) -> None:
        """Note that Stripe has answered a read and its records are written."""
        self._has_progressed, self._is_unreachable, self._probed = True, False, None

    def fail(
        self, what: str, error: StripeFlowError, *, has_advanced: bool = False, traffic: Traffic | None = None
    ) -> None:
        """Note and log that one stream of one account failed.

        `has_advanced`: its state moved in this run; `traffic` counts the requests that are sent because of the failure.

        Raises SystemExit where no other stream can succeed: the key is refused, or Stripe has never answered, and does
        not answer another request either.
        """
        if isinstance(error, KeyRefused):
            self.stop(error)
        if is_of_all_streams(error):
            probed = self._probe(traffic or self.client.traffic)
            self._is_unreachable = self._is_unreachable or (probed is not None and is_of_all_streams(probed))
            is_silent = _is_unanswered(error) and _is_unanswered(probed)
            if is_silent and not self._has_progressed:
                self.stop(error)
        self._failures.add(type(error))
        state = "its state is that of the last committed window" if has_advanced else "its state is unchanged"
        self._logger.error("%s failed, %s: %s", what, state, error)

    def note_missing(self, what: str, progress: Progress, error: StripeError) -> None:
        """Note and log that Stripe does not know one object of a stream; the others are read."""
        progress.missing += 1
        self._failures.add(type(error))
        self._logger.error("%s: %s; the others are read", what, error)

    def note_refused(
        self, what: str, progress: Progress, object_id: str, error: StripeError, *, is_parent: bool
    ) -> None:
        """Note what cannot be read, and log it for the first ones: the children of a parent, or a list in an object."""
        progress.refused += 1
        self._failures.add(type(error))
        if progress.refused <= MOST_NAMED:
            left_out, of_others = (
                ("the children of %s are left out", "those of the others are read")
                if is_parent
                else ("a list inside %s is left out", "the others come whole")
            )
            reason = f"Stripe refused the request {error.refusal.words()}" if error.refusal else error
            message = f"%s: {left_out}, {of_others}, the next runs ask again: %s"
            self._logger.warning(message, what, shown_id(object_id), reason)

    def stop(self, error: StripeFlowError) -> NoReturn:
        """Log the error and end the run. Raises SystemExit, since the SDK would log any other exception again."""
        self._logger.error("%s", error)
        raise SystemExit(error.exit_code)

    def exit_code(self) -> int:
        """The exit code of the run: 0 if nothing failed, 4 if nothing could be read since Stripe was unreachable."""
        if self._is_unreachable:
            return StripeUnreachable.exit_code
        return code_of(self._failures, has_progressed=self._has_progressed)

    def _probe(self, traffic: Traffic) -> StripeError | None:
        """Ask Stripe for anything, and return the error; None: it answers. Raises SystemExit if it refuses the key.

        An error counts for `PROBE_S`, until Stripe answers a read: in an outage many streams and accounts fail at once.
        """
        if self._probed is not None and time.monotonic() - self._probed_s <= PROBE_S:
            return self._probed
        try:
            replace(self._probing, traffic=traffic).hurried(PROBE_S).get(CHECK_PATH)
        except KeyRefused as error:
            self.stop(error)
        except StripeError as error:
            self._probed, self._probed_s = error, time.monotonic()
            return error
        return None


def _is_unanswered(error: StripeFlowError | None) -> bool:
    return isinstance(error, StripeUnreachable) and error.refusal is None


class Interruption:
    """Ends the run after a signal, but never in the middle of a line of output."""

    def __init__(self) -> None:
        self._is_waiting = False
        self._signal = 0

    @property
    def is_signalled(self) -> bool:
        """Whether a signal arrived that has not ended the run yet."""
        return self._signal != 0

    def allowed_between(self, items: Iterator[T]) -> Iterator[T]:
        """`items`; a signal ends the run at once while the next one is awaited, otherwise before the next one.

        Raises SystemExit with 128 + the signal's number.
        """
        while True:
            with self.allowed():
                item = next(items, None)
            if item is None:
                return
            yield item

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """A block in which nothing is written, so a signal ends the run at once. Raises SystemExit."""
        self._is_waiting = True
        try:
            if self._signal:
                raise SystemExit(128 + self._signal)
            yield
        finally:
            self._is_waiting = False

    def receive(self, number: int) -> None:
        """Handle a signal: it waits while records are being written; a second one ends the run at once."""
        if self._is_waiting:
            raise SystemExit(128 + number)
        if self._signal:
            os._exit(128 + number)
        self._signal = number
