"""The rejects file: what did not become a Stripe object, with the reason, as Singer messages to mend and pipe back."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import re
import stat
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from stripe_flow.api import redaction
from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome
from target_stripe_flow.results.text import CARD_MASK

# Reports remembered so as not to be repeated, at 85 bytes each: 85 MB. Of more than these, some may be repeated.
MOST_REMEMBERED = 1_000_000
# A longer line of the file is not looked at: it may be anything, and it would have to fit into memory.
LONGEST_LINE_BYTES = 16 << 20
# Levels of a message that are written: each costs two frames, and Python's stack ends at a thousand.
MOST_LEVELS = 100
# What Python is willing to write in decimal are 4300 digits.
MOST_BITS = 13_000

# Runs of digits, with up to three spaces, dots, dashes or invisible characters of any kind between them.
_NUMBERS = re.compile(r"\d+(?:[\s.\-\u00ad\u200b-\u200d\u2010-\u2015\u2060\u2212\ufeff]{1,3}\d+)*")
# What cards begin with: 1 and 20 would be timestamps and dates, 0 a padded id, 7 no bank.
# https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)
_BEGINNING = re.compile(r"2[2-7]|[3-6]|8[12]|9")
_IP_ADDRESS = re.compile(r"\d{3}(?:\.\d{3}){3}")
_DOUBLED = str.maketrans("0123456789", "0246813579")


class Rejects:
    """Opened at the first reject, readable by its owner alone. A line is on the disk once `sync` has returned.

    What the file already reports is not appended again, whichever run it came from.
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
        """Append the record, as it came, with what became of it; a SCHEMA before the first of its stream.

        Raises Misconfigured where the file cannot be written: the record is then not accounted for.
        """
        stream, told = received.origin.stream, _told(outcome, received.line)
        message = masked({"type": "RECORD", "stream": stream, "record": received.record, "stripe_flow": told})
        digest = _digest(message)
        with self._lock:
            try:
                if self._descriptor is None:
                    self._descriptor = self._open()
                if digest in self._reported:
                    return
                lines = [] if stream in self._described else [masked(received.origin.message())]
                _append(self._descriptor, b"".join(msgspec.json.encode(each) + b"\n" for each in [*lines, message]))
            except OSError as error:
                raise self._unwritable(error) from None
            self._is_waiting = True
            self._described.add(stream)
            self._remember(digest)

    def sync(self) -> None:
        """Raises Misconfigured where the disk does not take what was added, and ever after: what was lost once is not
        brought back by a second try that succeeds.
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
        """Touches nothing. Raises Misconfigured where a reject could not be written, as far as that can be seen."""
        if not self.path.exists():
            if not os.access(self.path.parent, os.W_OK | os.X_OK):
                raise self._unwritable(OSError(errno.EACCES, "its folder is not there, or may not be written"))
        elif not self.path.is_file():
            raise self._unwritable(OSError(errno.EINVAL, "it is no regular file"))

    def open(self) -> None:
        """Before anything is sent. Raises Misconfigured where a reject could not be written."""
        self.check_writable()
        if self.path.exists() and self._descriptor is None:
            try:
                self._descriptor = self._open()
            except OSError as error:
                raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> Misconfigured:
        return Misconfigured(
            f"the rejects file {str(self.path)!r} cannot be written ({error.strerror}): mend that, or set rejects_path"
        )

    def _open(self) -> int:
        """The file, after what it reports was read; a line that was cut is ended, so that the next one is whole."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except ValueError:  # a NUL, or what the file system's encoding cannot write
            raise OSError(errno.EINVAL, "no path has such characters") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no regular file")
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


def _told(outcome: Outcome, line: int) -> dict[str, Any]:
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


def status_of(told: Mapping[Any, Any]) -> object:  # Any: JSON
    """The status that a report states. Releases before this one called it `place`."""
    return told.get("status", told.get("place"))


def _digest_of_line(line: bytes) -> bytes | None:
    """None where the line is no report: the file may hold whatever else a person has put there."""
    try:
        return _digest(msgspec.json.decode(line))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _digest(message: Any) -> bytes | None:  # Any: JSON
    """What makes two reports the same: not when, at which line and by which request it was found out."""
    match message:
        case {"type": "RECORD", "stream": stream, "record": record, "stripe_flow": {"reason": str(reason), **told}}:
            # A reason quotes the id of the request, which is another one each time.
            reason = reason.replace(str(told.get("request_id") or "\0"), "")
            same = [stream, record, reason, status_of(told), told.get("field"), told.get("code")]
            return hashlib.blake2b(msgspec.json.encode(same, order="sorted"), digest_size=16).digest()
    return None


def masked(value: Any, levels: int = MOST_LEVELS) -> Any:  # Any: JSON, or what a stream map made of it
    """`value` with card numbers and keys hidden, and what JSON cannot hold made to fit."""
    if isinstance(value, Mapping | list | tuple) and not levels:
        return f"[more than {MOST_LEVELS} levels]"
    if isinstance(value, Mapping):
        members: dict[str, Any] = {}
        for name, inner in value.items():
            members[_unused(masked(str(name)), members)] = masked(inner, levels - 1)
        return members
    if isinstance(value, list | tuple):
        return [masked(inner, levels - 1) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return _masked_number(value)
    return _NUMBERS.sub(_hide_cards, redaction.redact(str(value).encode(errors="replace").decode()))


def _unused(name: str, members: Mapping[str, Any]) -> str:
    """Two names that became the same are told apart: neither value is dropped."""
    number, first = 1, name
    while name in members:
        number += 1
        name = f"{first} ({number})"
    return name


def _masked_number(value: Any) -> Any:  # Any: int or float, which mypy takes for the same
    if isinstance(value, float) and not math.isfinite(value):
        # As text: JSON's null would pass for a field that was left out.
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return "[too large a number]"
    return CARD_MASK if abs(value) < 10**19 and _is_card(str(abs(int(value)))) else value


def _hide_cards(found: re.Match[str]) -> str:
    """The numbers in a run of them that are cards: from the start of a group of digits to the end of a group."""
    text, parts, done = found[0], [], 0
    groups = [each.span() for each in re.finditer(r"\d+", text)]
    if found.string[max(found.start() - 1, 0) : found.start()] == "+" and sum(b - a for a, b in groups) <= 15:
        return text  # a telephone number, https://www.itu.int/rec/T-REC-E.164
    for index, (start, _) in enumerate(groups):
        if start >= done and (end := _end_of_card(text, groups[index : index + 19])):
            parts += [text[done:start], CARD_MASK]
            done = end
    return "".join([*parts, text[done:]])


def _end_of_card(text: str, groups: Sequence[tuple[int, int]]) -> int:
    """Where the longest card number ends that begins with the first of the groups; 0 if none does."""
    digits, found = "", 0
    for start, end in groups:
        digits += text[start:end]
        if len(digits) > 19:
            break
        if _is_card(digits) and not _IP_ADDRESS.fullmatch(text[groups[0][0] : end]):
            found = end
    return found


def _is_card(digits: str) -> bool:
    """Whether they pass the check of ISO/IEC 7812-1, which one in ten other numbers passes as well."""
    if not 12 <= len(digits) <= 19:
        return False
    if not digits.isascii():  # full-width digits are digits, too
        digits = "".join(str(int(digit)) for digit in digits)
    last_to_first = digits[::-1]
    return bool(
        _BEGINNING.match(digits)
        and sum(map(int, last_to_first[::2] + last_to_first[1::2].translate(_DOUBLED))) % 10 == 0
    )
