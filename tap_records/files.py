"""Files as lines of text, one at a time."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

from tap_records.errors import in_file
from tap_records.settings import SourceFile

# A longer line belongs to a file of another kind, or to one that lost its line ends; it would be in memory whole.
MAX_LINE_BYTES = 16 * 1024 * 1024


def check_readable(source: SourceFile) -> None:
    """Raise RecordsError for a file that cannot be read. A pipe is not opened, for its rows come only once."""
    if not (source.path.is_fifo() and os.access(source.path, os.R_OK)):
        _opened(source).close()


def text_lines(source: SourceFile) -> Iterator[str]:
    """The lines with their ends, without a byte order mark. Raises RecordsError for what is not UTF-8 or too long."""
    number = 0
    with _opened(source) as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise in_file(source.name, f"longer than {MAX_LINE_BYTES} bytes", "Check the line ends", line=number)
            yield _decoded(line.removeprefix(BOM_UTF8) if number == 1 else line, source, number)


def _opened(source: SourceFile) -> BinaryIO:
    try:
        return source.path.open("rb")
    except OSError as error:
        todo = f"Mend the file or its path in the setting 'files'; looked for at {source.path}"
        raise in_file(source.name, f"cannot be read ({error.strerror})", todo) from error


def _decoded(line: bytes, source: SourceFile, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        # Not `from error`: it holds the line.
        raise in_file(source.name, "not UTF-8", "Save the file as UTF-8", line=number) from None
