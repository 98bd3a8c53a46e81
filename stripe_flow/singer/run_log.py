"""The progress and the summary of a run, on standard error.

On a terminal the progress is a live line and the summary a table. Under structured logging each is a record with the
fields under `progress`, `read` or `summary`. In any other log the progress is a line every `EVERY_S` seconds and the
summary a table.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from singer_sdk.logging import StructuredFormatter

from stripe_flow.singer.fields import Fields, clean, format_pairs, format_phrase, format_table
from stripe_flow.singer.live_line import LiveLine, find_terminal

# Two lines a minute: a run may last for days.
EVERY_S = 30.0
# Faster than a person reads, and still cheap.
DRAW_EVERY_S = 0.2


def log_fields(logger: logging.Logger, kind: str, fields: Fields) -> None:
    """Log one line of `key=value`, with the fields as the member `kind` of the record for structured logging."""
    cleaned = clean(fields)
    extra: dict[str, Any] = {kind: cleaned}  # Any: `logging` takes any type
    if "stream" in cleaned:
        extra["stream_name"] = cleaned["stream"]  # Meltano reads this member
    logger.info("%s %s", kind, format_pairs(cleaned), extra=extra)


class RunLog:
    """Logs the progress of a run while it is open, from a thread of its own.

    `read_progress` is called by that thread and returns the fields; without fields nothing is logged.
    """

    def __init__(self, logger: logging.Logger, read_progress: Callable[[], Fields]) -> None:
        self._logger, self._read_progress = logger, read_progress
        self._line: LiveLine | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._log_progress, name="run-log", daemon=True)

    def __enter__(self) -> Self:
        terminal = find_terminal() if self._logger.isEnabledFor(logging.INFO) and not is_structured() else None
        if terminal is not None:
            self._line = LiveLine(terminal)
            self._line.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_progress()
        if self._line is not None:
            self._line.close()

    def _end_progress(self) -> None:
        self._ended.set()
        self._thread.join()

    def log_summary(self, rows: Sequence[Fields]) -> None:
        """End the progress and log the summary; all rows have the same fields."""
        self._end_progress()
        if is_structured():
            for row in rows:
                log_fields(self._logger, "summary", row)
            return
        lines = format_table(rows)
        if self._line is not None:
            with contextlib.suppress(OSError):  # the terminal was closed
                self._line.draw("")
                self._line.write("".join(f"{line}\n" for line in lines))
            return
        for line in lines:
            self._logger.info("%s", _Redacted(line))

    def _log_progress(self) -> None:
        while not self._ended.wait(DRAW_EVERY_S if self._line else EVERY_S):
            fields = self._read_progress()
            if self._line is None:
                if fields:
                    log_fields(self._logger, "progress", fields)
                continue
            try:
                self._line.draw(format_phrase(fields))
            except OSError:  # the terminal was closed; the run goes on without progress
                return


class _Redacted:
    """A line whose values are redacted one by one: side by side, two counts and a date can look like a card number."""

    def __init__(self, line: str) -> None:
        self._line = line

    def __str__(self) -> str:
        return self._line


def is_structured() -> bool:
    """Whether the log is structured for a program, as Meltano configures it."""
    return any(isinstance(handler.formatter, StructuredFormatter) for handler in logging.getLogger().handlers)
