"""The standard streams of a command: UTF-8 in every locale, and one line if its output cannot be written.

Python reports an output that cannot be flushed at the very end with exit code 120 and without a message of ours, and
click ends silently when the reader of a pipe has ended.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from typing_extensions import override

from tap_records.errors import RecordsError

_CLOSED = "Standard output is closed, and the output goes there. Connect it to a file or a pipe."
# Python reads arguments and file names that its locale cannot decode as surrogates, each for one byte: this handler
# prints the same bytes again. Any other surrogate is printed escaped.
_ERRORS = "bytes-of-arguments"
# Exit codes after a signal: they stay, whatever becomes of the output.
_SIGNALED = {128 + number for number in (1, 2, 15)}


def _encode(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return b"".join(_bytes_of(each) for each in text), error.end


def _bytes_of(surrogate: str) -> bytes:
    code = ord(surrogate)
    return bytes([code - 0xDC00]) if 0xDC80 <= code <= 0xDCFF else surrogate.encode("ascii", "backslashreplace")


codecs.register_error(_ERRORS, _encode)


class OutputLost(RecordsError):
    """Standard output takes no more; the message says why."""


def _describe_lost(error: OSError) -> OutputLost:
    """The error for an output that takes no more."""
    why = (error.strerror or type(error).__name__).lower()
    if isinstance(error, BrokenPipeError):
        return OutputLost(
            f"The reader of standard output has ended before the output did ({why}). Run again with one that reads all."
        )
    return OutputLost(f"Standard output takes no more ({why}). Fix this and run again.")


class Output(io.TextIOWrapper):
    """Standard output as UTF-8. Raises OutputLost where a write fails; what is written afterwards is dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        binary = open(descriptor, "wb", closefd=False)  # noqa: SIM115  # for as long as the process lives
        super().__init__(binary, encoding="utf-8", errors=_ERRORS)

    @override
    def write(self, text: str, /) -> int:
        with self._translated():
            return super().write(text)

    @override
    def flush(self) -> None:
        with self._translated():
            super().flush()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _replace(self._descriptor)  # or the interpreter fails again at its end, with exit code 120
            raise _describe_lost(error) from None


@contextmanager
def standard_streams() -> Iterator[None]:
    """The standard streams of a command's process.

    Ends with SystemExit: with the exit code of the block, or with 1 if its output was lost.
    """
    code: str | int | None = 0
    try:
        _prepare()
        yield
    except SystemExit as ended:
        code = ended.code
    except OutputLost as error:
        _print_error(error.message)
        code = error.exit_code
    raise SystemExit(_flush(code))


def _flush(code: str | int | None) -> str | int | None:
    """Write what the streams hold. Returns the exit code: 1 if that failed, unless a signal ended the command."""
    try:
        sys.stdout.flush()
    except OutputLost as error:
        _print_error(error.message)
        code = code if code in _SIGNALED else error.exit_code
    try:
        sys.stderr.flush()
    except OSError:
        _replace(2)
    return code


def _print_error(line: str) -> None:
    """Print one line to standard error, if anybody reads it."""
    with suppress(OSError):
        sys.stderr.write(f"Error: {line}\n")
        sys.stderr.flush()


def _prepare() -> None:
    """Let both output streams be UTF-8, whatever the locale and PYTHONIOENCODING say.

    Raises OutputLost if standard output is closed.
    """
    is_closed = sys.stdout is None
    _open_missing()
    if not is_closed:
        sys.stdout.flush()
    sys.stdout = Output(1)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors=_ERRORS, closefd=False)  # noqa: SIM115  # for good
    elif isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8", errors=_ERRORS)
    if is_closed:
        raise OutputLost(_CLOSED)


def _open_missing() -> None:
    """Open /dev/null for each standard stream that is closed: the next file to be opened would get its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _replace(number)


def _replace(number: int) -> None:
    """Let the descriptor be /dev/null."""
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
