"""Singer messages on standard output: whole lines only, also when a signal ends the run."""

from __future__ import annotations

import io
import os
import sys

from singer_sdk.io_base import SingerWriter
from singer_sdk.singerlib import Message

from tap_records.errors import RecordsError


class LineWriter(SingerWriter):
    """Writes each message as one line; a signal takes effect after the current line."""

    def __init__(self) -> None:
        self._is_writing = False
        self._stop_signal: int | None = None

    def write_message(self, message: Message) -> None:
        """Write one line and flush it.

        Raises BrokenPipeError when the reader has closed the pipe, SystemExit when a signal arrived meanwhile, and
        RecordsError when standard output is closed or cannot be written.
        """
        line = self.format_message(message) + "\n"
        self._is_writing = True
        try:
            _write(line)
        finally:
            self._is_writing = False
        if self._stop_signal is not None:
            raise SystemExit(128 + self._stop_signal)

    def stop(self, signum: int) -> None:
        """End the run with exit code 128 + `signum` after the current line; a second signal ends it at once."""
        if not self._is_writing:
            raise SystemExit(128 + signum)
        if self._stop_signal is not None:
            os._exit(128 + signum)
        self._stop_signal = signum


def _write(text: str) -> None:
    if sys.stdout is None:
        raise RecordsError("Standard output is closed, and the messages go there. Redirect it to a file or a pipe.")
    try:
        _write_all(text)
    except BrokenPipeError:
        raise  # the reader closed the pipe
    except OSError as error:
        why = (error.strerror or "").lower()
        raise RecordsError(f"Standard output cannot be written ({why}). Fix this and run again.") from None


def _write_all(text: str) -> None:
    if not isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # With PYTHONUNBUFFERED, usual in containers, standard output has no buffer, and a signal can cut a write short
    # without an error.
    rest = text.encode()
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]
