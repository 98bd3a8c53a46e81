"""Messages on standard output, whole lines only, also when a signal ends the run."""

from __future__ import annotations

import io
import os
import sys

from singer_sdk.io_base import SingerWriter
from singer_sdk.singerlib import Message

from tap_records.errors import RecordsError


class LineWriter(SingerWriter):
    """Writes each message as one whole line; a signal waits for the end of the line."""

    def __init__(self) -> None:
        self._writing = False
        self._stopped_by: int | None = None

    def write_message(self, message: Message) -> None:
        """Write one line through to the reader. Raises BrokenPipeError without a reader, SystemExit after a signal."""
        line = self.format_message(message) + "\n"
        self._writing = True
        try:
            _write_through(line)
        finally:
            self._writing = False
        if self._stopped_by is not None:
            raise SystemExit(128 + self._stopped_by)

    def stop(self, signum: int) -> None:
        """End the run with the signal's exit code, after the line that is being written; a second signal, at once."""
        if not self._writing:
            raise SystemExit(128 + signum)
        if self._stopped_by is not None:
            os._exit(128 + signum)
        self._stopped_by = signum


def _write_through(text: str) -> None:
    """Raises RecordsError where there is no output, or one that takes no more."""
    if sys.stdout is None:
        raise RecordsError("standard output is closed, and messages go there: run it with one, a file or a pipe")
    try:
        _write_all(text)
    except BrokenPipeError:
        raise  # the reader is gone
    except OSError as error:
        why = (error.strerror or "").lower()
        raise RecordsError(f"standard output takes no more ({why}): mend that and run again") from None


def _write_all(text: str) -> None:
    if not isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # With PYTHONUNBUFFERED, as is usual in containers, standard output has no buffer: a write that a signal interrupts
    # is cut short without an error, so write the rest.
    rest = text.encode()
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]
