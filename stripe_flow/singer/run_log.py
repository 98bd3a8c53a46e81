"""How a run tells people what it does, on standard error: while it works, and in sums when it ends.

On a terminal that is one live line, and a table. Under structured logging it is a record for each, with the fields in
it under `progress`, `read` or `summary`. Else it is a line of the log now and then, and a table in the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from singer_sdk.logging import StructuredFormatter

from stripe_flow.singer.fields import Fields, aligned, clean, pairs, phrase
from stripe_flow.singer.live_line import LiveLine, watched_terminal

# For a log that is read later: two lines a minute of a run that may last for days.
EVERY_S = 30.0
# Faster than a person reads, and still nothing that costs.
DRAWN_EVERY_S = 0.2


def log_fields(logger: logging.Logger, kind: str, fields: Fields) -> None:
    """One line of `key=value`, and the same as members of the record, for structured logging."""
    known = clean(fields)
    extra: dict[str, Any] = {kind: known}  # Any: what `logging` takes
    if "stream" in known:
        extra["stream_name"] = known["stream"]  # where Meltano looks for it
    logger.info("%s %s", kind, pairs(known), extra=extra)


class RunLog:
    """While it is open, `look` is asked where the run is, by a thread of its own; no fields: nothing to tell."""

    def __init__(self, logger: logging.Logger, look: Callable[[], Fields]) -> None:
        self._logger, self._look = logger, look
        self._line: LiveLine | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="telling", daemon=True)

    def __enter__(self) -> Self:
        terminal = watched_terminal() if self._logger.isEnabledFor(logging.INFO) and not is_structured() else None
        if terminal is not None:
            self._line = LiveLine(terminal)
            self._line.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if self._line is not None:
            self._line.close()

    def _end(self) -> None:
        self._ended.set()
        self._thread.join()

    def sum_up(self, rows: Sequence[Fields]) -> None:
        """What became of it all, each row in the same fields. Nothing is told after that."""
        self._end()
        if is_structured():
            for row in rows:
                log_fields(self._logger, "summary", row)
            return
        lines = aligned(rows)
        if self._line is not None:
            self._line.draw("")
            self._line.write("".join(f"{line}\n" for line in lines))
            return
        for line in lines:
            self._logger.info("%s", line)

    def _watch(self) -> None:
        """Only told things: where they cannot be told any more, the run goes on all the same."""
        while not self._ended.wait(DRAWN_EVERY_S if self._line else EVERY_S):
            fields = self._look()
            if self._line is None:
                if fields:
                    log_fields(self._logger, "progress", fields)
                continue
            try:
                self._line.draw(phrase(fields))
            except OSError:  # the terminal is gone
                return


def is_structured() -> bool:
    """Whether the log is read by a program: Meltano sets that."""
    return any(isinstance(each.formatter, StructuredFormatter) for each in logging.getLogger().handlers)
