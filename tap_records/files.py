"""Files, read one line of text at a time."""

from __future__ import annotations

import os
import shlex
from codecs import lookup
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO

from tap_records.encodings import probable_encoding
from tap_records.errors import RecordsError, in_file
from tap_records.settings import SourceFile

# A longer line means a binary file or missing line ends. The whole line would be held in memory.
MAX_LINE_CHARACTERS = 16 * 1024 * 1024
_BYTE_ORDER_MARK = "\ufeff"
# `surrogateescape` reads a byte that the encoding does not have as one of these: the line is known by its number.
_UNDECODED = dict.fromkeys(range(0xDC80, 0xDD00))


def check_readable(source: SourceFile) -> None:
    """Raise RecordsError for a file that cannot be read. A pipe is not opened: its rows can be read only once."""
    if not (source.path.is_fifo() and os.access(source.path, os.R_OK)):
        _open(source).close()


def text_lines(source: SourceFile) -> Iterator[str]:
    """The lines with their line ends, without a byte order mark.

    Raises RecordsError for a line that is not in the file's encoding or is longer than MAX_LINE_CHARACTERS.
    """
    number = 1
    # Only \n ends a line: \r may be a part of a CSV cell.
    with TextIOWrapper(_open(source), source.encoding, errors="surrogateescape", newline="\n") as file:
        while line := _line(file, source, number):
            if len(line) > MAX_LINE_CHARACTERS:
                what = f"longer than {MAX_LINE_CHARACTERS} characters"
                raise in_file(source.name, what, "Check the line ends", line=number)
            # UTF-16 without a mark is valid UTF-8 as long as it says only what ASCII can say.
            if (number == 1 and "\0" in line) or not _is_decoded(line):
                raise _wrong_encoding(source, number)
            yield line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            number += 1


def _line(file: TextIOWrapper, source: SourceFile, number: int) -> str:
    try:
        return file.readline(MAX_LINE_CHARACTERS + 1)
    except UnicodeDecodeError:
        # Not `from error`: it contains the line.
        raise _wrong_encoding(source, number) from None


def _is_decoded(line: str) -> bool:
    return line.isascii() or len(line.translate(_UNDECODED)) == len(line)


def _wrong_encoding(source: SourceFile, line: int) -> RecordsError:
    fix = "Write the file in that encoding, or name its own in the setting 'files'"
    probable = "" if source.path.is_fifo() else probable_encoding(source.path)
    if lookup(probable or source.encoding) != lookup(source.encoding):
        name, converted = shlex.quote(source.name), shlex.quote(f"{source.name}.utf8")
        fix = (
            f"It is probably {probable}: set encoding to {probable} for it in the setting 'files', "
            f"or convert it: iconv -f {probable} -t UTF-8 {name} > {converted}"
        )
    return in_file(source.name, f"not {source.encoding}", fix, line=line)


def _open(source: SourceFile) -> BinaryIO:
    try:
        return source.path.open("rb")
    except OSError as error:
        fix = f"Fix the file or its path in the setting 'files'; the full path is {source.path}"
        raise in_file(source.name, f"cannot be read ({error.strerror})", fix) from error
