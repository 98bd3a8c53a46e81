"""The rejects file: rejected and declined records with their reason, as Singer messages to fix and pipe back."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.results.masking import masked
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome

# Reports remembered so that none is written twice, at 85 bytes each: 85 MB. Beyond that a report may be repeated.
MOST_REMEMBERED = 1_000_000
# A longer line of the file is not parsed: it is no report, and it would have to fit into memory.
LONGEST_LINE_BYTES = 16 << 20
# The members of a report that, with its record and status, make it another report.
_IDENTIFYING = ("field", "code", "decline_code")


class Rejects:
    """The rejects file, opened at the first reject, with mode 600. A line is on the disk once `sync` has returned.

    A report that is in the file already, from this run or an earlier one, is not appended again.
    Safe to share between threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._is_waiting = False
        self._lost: Misconfigured | None = None
        self._described: set[str] = set()
        self._reported: set[bytes] = set()
        self._lock = threading.Lock()

    def add(self, received: Received, outcome: Outcome) -> None:
        """Append the record as received, with its outcome; a SCHEMA before the first record of its stream.

        Raises Misconfigured if the file cannot be written: the record is then not counted.
        """
        stream, report = received.origin.stream, _report(outcome, received.line)
        message = masked({"type": "RECORD", "stream": stream, "record": received.record, "stripe_flow": report})
        digest = _digest(message)
        with self._lock:
            try:
                if self._descriptor is None:
                    self._descriptor = self._open()
                if digest in self._reported:
                    return
                lines = [] if stream in self._described else [masked(received.origin.message())]
                _append(self._descriptor, b"".join(msgspec.json.encode(line) + b"\n" for line in [*lines, message]))
            except OSError as error:
                raise self._unwritable(error) from None
            self._is_waiting = True
            self._described.add(stream)
            self._remember(digest)

    def sync(self) -> None:
        """Bring the added lines to the disk. Raises Misconfigured if the disk fails, and at every call after that: a
        second fsync that succeeds does not bring back lost lines.
        """
        with self._lock:
            if self._lost is None and self._is_waiting and self._descriptor is not None:
                try:
                    os.fsync(self._descriptor)
                except OSError as error:
                    self._lost = self._unwritable(error)
            if self._lost is not None:
                raise self._lost
            self._is_waiting = False

    def check_writable(self) -> None:
        """Raises Misconfigured if a reject could not be written, as far as can be seen without opening the file."""
        if not self.path.exists():
            if not os.access(self.path.parent, os.W_OK | os.X_OK):
                raise self._unwritable(OSError(errno.EACCES, "its folder does not exist or is not writable"))
        elif not self.path.is_file():
            raise self._unwritable(OSError(errno.EINVAL, "it is not a regular file"))

    def open(self) -> None:
        """Open an existing file, before anything is sent. Raises Misconfigured if a reject could not be written."""
        self.check_writable()
        if self.path.exists() and self._descriptor is None:
            try:
                self._descriptor = self._open()
            except OSError as error:
                raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> Misconfigured:
        return Misconfigured(
            f"the rejects file {str(self.path)!r} cannot be written ({error.strerror}): fix that, or set rejects_path"
        )

    def _open(self) -> int:
        """Open the file and read its reports. A last line without an end gets one, so that the next is separate."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except ValueError:  # a NUL, or a character that the file system cannot encode
            raise OSError(errno.EINVAL, "a path cannot contain these characters") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is not a regular file")
        line = b"\n"
        with open(descriptor, "rb", closefd=False) as file:
            while piece := file.readline(LONGEST_LINE_BYTES):
                line = piece
                self._remember(_digest_of_line(line))
        if not line.endswith(b"\n"):
            os.write(descriptor, b"\n")
        return descriptor

    def _remember(self, digest: bytes | None) -> None:
        if digest and len(self._reported) < MOST_REMEMBERED:
            self._reported.add(digest)


def _append(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _report(outcome: Outcome, line: int) -> dict[str, Any]:
    refusal = outcome.refusal
    return {
        "status": outcome.status.value,
        "reason": outcome.reason,
        "field": outcome.field or None,
        "code": (refusal.code or None) if refusal else None,
        "decline_code": (refusal.decline_code or None) if refusal else None,
        "request_id": (refusal.request_id or None) if refusal else None,
        "line": line,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def status_of(report: Mapping[Any, Any]) -> object:  # Any: JSON
    """The status in a report, the member `stripe_flow` of a reject; older releases called it `place`."""
    return report.get("status", report.get("place"))


def _digest_of_line(line: bytes) -> bytes | None:
    """None if the line is not a report: a person may have added other lines."""
    try:
        return _digest(msgspec.json.decode(line))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _digest(message: Any) -> bytes | None:  # Any: JSON
    """Equal for reports of the same outcome of the same record, at any time, at any line and of any request.

    The reason does not count: a release that words it anew must not report every record again.
    """
    match message:
        case {"type": "RECORD", "stream": stream, "record": record, "stripe_flow": {"reason": str(), **report}}:
            same = [stream, record, status_of(report), *(report.get(name) for name in _IDENTIFYING)]
            return hashlib.blake2b(msgspec.json.encode(same, order="sorted"), digest_size=16).digest()
    return None
