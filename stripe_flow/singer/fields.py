"""Named values that a run logs, and their text in a log, on a terminal and in a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from stripe_flow.api.redaction import redact

Field = str | int | float | None
# In the order in which they are shown. The name holds the unit: `left_s`, `records_per_s`, `done_percent`.
Fields = Mapping[str, Field]


def clean(fields: Fields) -> dict[str, str | int | float]:
    """The fields that are not None, with secrets redacted."""
    return {
        name: redact(value) if isinstance(value, str) else value for name, value in fields.items() if value is not None
    }


def format_pairs(fields: Fields) -> str:
    """For a log: `stream=charges records=6000 state="failed: permission missing"`."""
    return " ".join(f"{name}={_quote(value)}" for name, value in clean(fields).items())


def format_phrase(fields: Fields) -> str:
    """For a terminal: `stream charges, 6,000 records, 300 records/s, left 20 s`."""
    return ", ".join(_format_words(name, value) for name, value in clean(fields).items())


def format_table(rows: Sequence[Fields]) -> list[str]:
    """Aligned lines: the headings, then one line per row; a column without any value is left out."""
    cleaned = [clean(row) for row in rows]
    every = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in every if any(name in row for row in cleaned)]
    columns = [_format_column(name, [row.get(name) for row in cleaned]) for name in names]
    return ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]


def format_duration(seconds: float) -> str:
    """At most two units: `3 h 20 min`, `45 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _quote(value: Field) -> str:
    return json.dumps(value) if isinstance(value, str) and (not value or set(value) & set(' "=')) else str(value)


def _format_words(name: str, value: str | float) -> str:
    words = name.replace("_", " ")
    if isinstance(value, str):
        return f"{words} {value}"
    if name.endswith("_percent"):
        return f"{value}% {words.removesuffix(' percent')}"
    if name.endswith("_per_s"):
        return f"{value:,} {words.removesuffix(' per s')}/s"
    if name.endswith("_s"):
        return f"{words.removesuffix(' s')} {format_duration(value)}"
    return f"{value:,} {words}"


def _format_column(name: str, values: Sequence[Field]) -> list[str]:
    """Numbers are aligned at their end, words at their start."""
    cells = [name.replace("_", " "), *("" if value is None else str(value) for value in values)]
    width = max(map(len, cells))
    are_words = any(isinstance(value, str) for value in values)
    return [cell.ljust(width) if are_words else cell.rjust(width) for cell in cells]
