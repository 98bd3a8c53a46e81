"""Rows of CSV as records: RFC 4180 with a header, any delimiter.

An empty cell is absent from the record. A row without a value is skipped. Columns without a name may stand at the end,
as spreadsheets write them, and are empty. An open quote, text after a closing quote, a row with fewer or more cells
than the header and a second header raise RecordsError.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from tap_records.columns import Column, Record, put, typed_columns
from tap_records.errors import in_file
from tap_records.files import MAX_LINE_CHARACTERS, text_lines
from tap_records.settings import SourceFile

# A cell may be as long as a line of JSON. The limit of the csv module holds for the process.
csv.field_size_limit(MAX_LINE_CHARACTERS)

# Python's words for what is not CSV, and ours: (what, fix). Its other words are advice for programmers.
_FAULTS = {
    "unexpected end": (
        "the quote that is open here never ends",
        "Close it, or double it if it belongs to the cell",
    ),
    "expected after": (
        "text follows a closing quote, or a quote is open since before this line",
        "A quote that belongs to a cell is doubled, and the cell needs quotes",
    ),
    "field larger": (
        f"a cell has over {MAX_LINE_CHARACTERS} characters, or its quote never ends",
        "Close the quote, or shorten the cell",
    ),
    "new-line": ("a line ends in \\r alone, or a cell contains \\r", "End lines with \\n; such a cell needs quotes"),
}


def csv_header(source: SourceFile) -> list[str]:
    """The column names. Raises RecordsError when the file cannot be read or its header is invalid."""
    if source.path.exists() and not source.path.is_file():
        raise in_file(source.name, "is not a regular file, but CSV is read twice", "Write the rows to a file")
    return _header(source, _rows(source))


def csv_records(source: SourceFile, header: list[str]) -> Iterator[tuple[int, Record]]:
    """Line number and record of each row; `header` is the one that the stream's schema was made from.

    Raises RecordsError when the file's header differs from it, and at the first invalid row.
    """
    rows = _rows(source)
    if _header(source, rows) != header:
        raise in_file(source.name, "its header changed while it was read", "Run again")
    columns = typed_columns(header, source.types)
    again = [_spelled(name) for name in header]
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        named = _without_nameless(source, line, cells, len(columns))
        if [_spelled(cell) for cell in named] == again:
            fix = "Remove the line, or give each file of a stream its own entry in the setting 'files'"
            raise in_file(source.name, "the header is here again, where a row is expected", fix, line=line)
        yield line, _record(source, line, columns, named)


def _without_nameless(source: SourceFile, line: int, cells: list[str], count: int) -> list[str]:
    """The cells of the columns with a name. Raises RecordsError for another number of them, or a value below none."""
    if len(cells) < count or any(cell.strip() for cell in cells[count:]):
        found = len(cells) if len(cells) < count else len(_trimmed(cells))
        what = f"the row has {found} cells, the header has {count}"
        raise in_file(source.name, what, "Fix the row; a cell that contains the delimiter needs quotes", line=line)
    return cells[:count]


def _trimmed(cells: list[str]) -> list[str]:
    """The cells without the blank ones at the end."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _spelled(name: str) -> str:
    """A header's name as it is compared with a cell: files that were joined bring marks, others another case."""
    return name.strip("\ufeff \t").casefold()


def _rows(source: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """The number of each row's first line, and its cells."""
    reader = csv.reader(text_lines(source), delimiter=source.delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            what, fix = next(words for phrase, words in _FAULTS.items() if phrase in str(error))
            raise in_file(source.name, f"not CSV: {what}", fix, line=line) from None
        if cells is None:
            return
        if cells:
            yield line, cells


def _header(source: SourceFile, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    # Messages give a name's position only: in a file without a header, the names are personal data.
    line, cells = next(rows, (1, []))
    names = _trimmed(cells)
    if not names:
        raise in_file(source.name, "has no header", "Write the columns' names into the first line")
    for position, name in enumerate(names, start=1):
        if name != name.strip() or not all(name.split(".")):
            what = f"name {position} of the header is empty, starts or ends with a space, or has an empty part at a dot"
            raise in_file(source.name, what, "Fix the header", line=line)
        if name in names[: position - 1]:
            what = f"names {names.index(name) + 1} and {position} of the header are the same"
            raise in_file(source.name, what, "Rename one", line=line)
    for key in source.key_properties:
        if key not in names:
            fix = "Add the column, or fix key_properties or delimiter in the setting 'files'"
            raise in_file(source.name, "this key is not in the header", fix, line=line, column=key)
    return names


def _record(source: SourceFile, line: int, columns: list[Column], cells: list[str]) -> Record:
    record: Record = {}
    for column, cell in zip(columns, cells, strict=True):
        if not cell:
            continue
        try:
            put(record, column.path, column.type.from_cell(cell))
        except ValueError:
            # Not `from error`: it may contain the cell. The name is safe: a typed column's name is in the settings.
            raise in_file(
                source.name,
                f"expected {column.type.expected}",
                "Fix the cell, or the column's type in the setting 'files'",
                line=line,
                column=column.name,
            ) from None
    return record
