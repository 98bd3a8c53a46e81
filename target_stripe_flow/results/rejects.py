"""The rejects file: rejected and declined records with their reason, as Singer messages to fix and pipe back."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.results.line_file import LineFile
from target_stripe_flow.results.masking import masked
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome
from target_stripe_flow.results.report import digest, digest_of_line, report

# Reports remembered so that none is written twice, at 85 bytes each: 85 MB. Beyond that a report may be repeated.
MOST_REMEMBERED = 1_000_000


class Rejects:
    """The rejects file, opened at the first reject, with mode 600. A line is on the disk once `sync` has returned.

    A report that is in the file already, from this run, an earlier one or another process, is not appended again.
    Safe to share between threads.
    """

    def __init__(self, path: Path, now_unix: Callable[[], float | None] = time.time) -> None:
        """`now_unix` is the time of a report in Unix seconds; None where it is not known."""
        self.path = path
        self._now_unix = now_unix
        self._file: LineFile | None = None
        self._is_waiting = False
        self._lost: Misconfigured | None = None
        self._described: set[str] = set()
        self._reported: set[bytes] = set()
        self._lock = threading.Lock()

    def add(self, received: Received, outcome: Outcome) -> None:
        """Append the record as received, with its outcome; a SCHEMA before the first record of its stream.

        Raises Misconfigured if the file cannot be written: the record is then not counted.
        """
        stream, verdict = received.origin.stream, report(outcome, received, self._now_unix())
        message = masked({"type": "RECORD", "stream": stream, "record": received.record, "stripe_flow": verdict})
        own, older = digest(message), digest(message, has_source=False)
        with self._lock:
            try:
                self._file = file = self._file or LineFile(self.path)
                with file.locked():
                    self._read_new(file)
                    if own in self._reported or older in self._reported:
                        return
                    lines = [] if stream in self._described else [masked(received.origin.message())]
                    file.append(b"".join(msgspec.json.encode(line) + b"\n" for line in [*lines, message]))
            except OSError as error:
                raise self._unwritable(error) from None
            self._is_waiting = True
            self._described.add(stream)
            self._remember(own)

    def sync(self) -> None:
        """Bring the added lines to the disk. Raises Misconfigured if the disk fails, and at every call after that: a
        second fsync that succeeds does not bring back lost lines.
        """
        with self._lock:
            if self._lost is None and self._is_waiting and self._file is not None:
                try:
                    os.fsync(self._file.descriptor)
                except OSError as error:
                    self._lost = self._unwritable(error)
            if self._lost is not None:
                raise self._lost
            self._is_waiting = False

    def check_writable(self) -> None:
        """Raises Misconfigured if a reject could not be written, as far as can be seen without a change."""
        try:
            is_regular = stat.S_ISREG(self.path.stat().st_mode)
            if is_regular:
                os.close(os.open(self.path, os.O_RDWR | os.O_APPEND))
        except (FileNotFoundError, NotADirectoryError):
            if not os.access(self.path.parent, os.W_OK | os.X_OK):
                raise self._unwritable(OSError(errno.EACCES, "its folder does not exist or is not writable")) from None
        except OSError as error:
            raise self._unwritable(error) from None
        except ValueError:  # a NUL, or a character that the file system cannot encode
            raise self._unwritable(OSError(errno.EINVAL, "a path cannot contain these characters")) from None
        else:
            if not is_regular:
                raise self._unwritable(OSError(errno.EINVAL, "it is not a regular file"))

    def open(self) -> None:
        """Open an existing file, before anything is sent. Raises Misconfigured if a reject could not be written."""
        self.check_writable()
        if self.path.exists() and self._file is None:
            try:
                self._file = LineFile(self.path)
                with self._file.locked():
                    self._read_new(self._file)
            except OSError as error:
                raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> Misconfigured:
        return Misconfigured(
            f"the rejects file {str(self.path)!r} cannot be written ({error.strerror}): fix that, or set rejects_path"
        )

    def _read_new(self, file: LineFile) -> None:
        """Remember what was appended since the last look, by this process or another one."""
        if file.was_cut_short():
            self._described.clear()
            self._reported.clear()
        for line in file.new_lines():
            self._remember(digest_of_line(line))

    def _remember(self, digest: bytes | None) -> None:
        if digest and len(self._reported) < MOST_REMEMBERED:
            self._reported.add(digest)
