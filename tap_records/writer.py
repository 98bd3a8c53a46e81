"""Singer messages on standard output: whole lines only, also when a signal ends the run."""

from __future__ import annotations

import os
import sys

from singer_sdk.io_base import SingerWriter
from singer_sdk.singerlib import Message


class LineWriter(SingerWriter):
    """Writes each message as one line; a signal takes effect after the current line."""

    def __init__(self) -> None:
        self._is_writing = False
        self._stop_signal: int | None = None

    def write_message(self, message: Message) -> None:
        """Write one line and flush it.

        Raises SystemExit when a signal arrived meanwhile, and OutputLost when standard output takes no more.
        """
        line = self.format_message(message) + "\n"
        self._is_writing = True
        try:
            sys.stdout.write(line)
            sys.stdout.flush()
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
