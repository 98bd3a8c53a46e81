"""Files, read one line of text at a time."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

from tap_records.errors import in_file
from tap_records.settings import SourceFile

# A longer line means a binary file or missing line ends. The whole line would be held in memory.
MAX_LINE_BYTES = 16 * 1024 * 1024


def check_readable(source: SourceFile) -> None:
    """Raise RecordsError for a file that cannot be read. A pipe is not opened: its rows can be read only once."""
    if not (source.path.is_fifo() and os.access(source.path, os.R_OK)):
        _open(source).close()


def text_lines(source: SourceFile) -> Iterator[str]:
    """The lines with their line ends, without a byte order mark.

    Raises RecordsError for a line that is not UTF-8 or is longer than MAX_LINE_BYTES.
    """
    number = 0
    with _open(source) as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise in_file(source.name, f"longer than {MAX_LINE_BYTES} bytes", "Check the line ends", line=number)
            yield _decode(line.removeprefix(BOM_UTF8) if number == 1 else line, source, number)


def _open(source: SourceFile) -> BinaryIO:
    try:
        return source.path.open("rb")
    except OSError as error:
        fix = f"Fix the file or its path in the setting 'files'; the full path is {source.path}"
        raise in_file(source.name, f"cannot be read ({error.strerror})", fix) from error


def _decode(line: bytes, source: SourceFile, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        # Not `from error`: it contains the line.
        raise in_file(source.name, "not UTF-8", "Save the file as UTF-8", line=number) from None
