"""CSV that a spreadsheet shows as text: no cell begins a formula. Pure.

A spreadsheet calculates a cell that begins with one of these signs, and a key may be written by anybody.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

_SIGNS = frozenset("=+-@|%\t\r\n\u2212")
_QUOTES = frozenset("'\"`\u2018\u2019\u201c\u201d\u00ab\u00bb")
MARK = "'"


def safe_cell(text: str) -> str:
    """`text`, with an apostrophe in front if it begins a formula, in any width, after white space and quotes too."""
    return f"{MARK}{text}" if begins_formula(text) else text


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet could calculate `text`. Also true for what `safe_cell` returns for such a text."""
    for character in text:
        if _SIGNS & {character, *unicodedata.normalize("NFKC", character)[:1]}:
            return True
        is_skipped = character.isspace() or character in _QUOTES or unicodedata.category(character) in {"Cc", "Cf"}
        if not is_skipped:
            return False
    return False


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Iterator[str]:
    """The lines of a CSV, each with its end; None is an empty cell."""
    yield _line(header)
    for row in rows:
        yield _line([safe_cell(cell or "") for cell in row])


def _line(cells: Sequence[str]) -> str:
    # A bare carriage return would begin a row of its own.
    has_return = any("\r" in cell for cell in cells)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL).writerow(cells)
    return text.getvalue()
