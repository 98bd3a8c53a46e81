"""Decodes the lines that a strict decoder refuses, so that one record does not end the run.

NaN, Infinity and halves of surrogate pairs are kept: a check rejects them by the name of their field. A text takes the
place of what Python cannot read, a number of thousands of digits or a value nested very deep; `Unreadable` names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Python converts no text of more digits to a number.
MOST_DIGITS = 4_300
# Far below the depth at which Python's stack ends, and far above that of any parameter.
MOST_LEVELS = 200
TOO_LONG = f"[a number of more than {MOST_DIGITS} digits]"
TOO_DEEP = f"[more than {MOST_LEVELS} levels]"
_REASONS = {
    TOO_LONG: f"holds a number of more than {MOST_DIGITS:,} digits, which cannot be read",
    TOO_DEEP: f"is nested more than {MOST_LEVELS} levels deep, which cannot be read",
}

_TOO_DEEP = json.dumps(TOO_DEEP).encode()
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Why a value cannot be read, and its dotted path."""

    field: str
    reason: str


def decode(line: bytes) -> Any:  # Any: JSON
    """The JSON in the line, in which `TOO_LONG` and `TOO_DEEP` stand for what cannot be read.

    Raises ValueError if the line is not JSON in UTF-8.
    """
    try:
        return _load(line)
    except RecursionError:
        message, *_ = [_load(text) for text in _cut(line)]
        return message


def find_unreadable(record: dict[str, Any]) -> Unreadable | None:
    """The first value of the record that `decode` could not read; None if there is none."""
    return next(_unreadable(record), None)


def _load(text: bytes) -> Any:  # Any: JSON
    return json.loads(text.decode(), parse_int=_read_int)


def _read_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= MOST_DIGITS else TOO_LONG


@dataclass
class _Level:
    """A value that begins at `done` of the text; `parts` of it were read up to there."""

    done: int
    parts: list[bytes] = field(default_factory=list)


def _cut(text: bytes) -> list[bytes]:
    """The text, and each value in it that is `MOST_LEVELS` deeper: in each of them `TOO_DEEP` stands for the deeper."""
    deeper: list[bytes] = []
    levels, depth = [_Level(0)], 0
    for token in _TOKENS.finditer(text):
        if token[0] in b"[{":
            depth += 1
            if depth % MOST_LEVELS == 0:
                levels[-1].parts.append(text[levels[-1].done : token.start()])
                levels.append(_Level(token.start()))
        elif token[0] in b"]}":
            if depth <= 0:
                break
            if depth % MOST_LEVELS == 0:
                level = levels.pop()
                deeper.append(b"".join([*level.parts, text[level.done : token.end()]]))
                levels[-1].parts.append(_TOO_DEEP)
                levels[-1].done = token.end()
            depth -= 1
    if depth or len(levels) > 1:
        raise ValueError("its brackets do not match")
    return [b"".join([*levels[0].parts, text[levels[0].done :]]), *deeper]


def _unreadable(record: dict[str, Any]) -> Iterator[Unreadable]:
    waiting: list[tuple[str, Any]] = [("", record)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and value in _REASONS:
            # A deep value is named by the member of the record that holds it.
            named = path.split(".")[0] if value == TOO_DEEP else path
            yield Unreadable(field=named, reason=_REASONS[value])
        elif isinstance(value, dict):
            waiting += [(f"{path}.{name}" if path else name, inner) for name, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{path}.{index}", inner) for index, inner in reversed(list(enumerate(value)))]
