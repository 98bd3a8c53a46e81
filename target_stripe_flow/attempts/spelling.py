"""Spellings that look like another key: white space or invisible characters at either end, NUL anywhere.

A column of fixed width pads `A1` with blanks, and a file may begin with a byte order mark. Such a key would be another
record. Case, leading zeros and Unicode normal forms are visible or meant: they make different keys.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import takewhile

from target_stripe_flow.results.outcome import Rejected

NUL = "\0"
# Control characters, formats (of zero width, the byte order mark) and separators.
# https://www.unicode.org/reports/tr44/#General_Category_Values
_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
# Letters and marks that show nothing, and the byte order mark read in the wrong order.
_OTHERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffe")


def trimmed(text: str) -> str:
    """`text` without NUL, and without white space and invisible characters at its ends (pure); it may be empty."""
    text = text.replace(NUL, "")
    start = len(list(takewhile(_is_invisible, text)))
    end = len(list(takewhile(_is_invisible, reversed(text[start:]))))
    return text[start : len(text) - end]


def describe(text: str) -> str:
    """`ends with U+0020 (SPACE)`: why `text` looks like another one (pure); empty if it does not.

    It shows that character and no other.
    """
    if NUL in text:
        return "contains U+0000 (NUL)"
    for verb, index in (("begins", 0), ("ends", -1)):
        if text and _is_invisible(text[index]):
            return f"{verb} with {_shown(text[index])}"
    return ""


def visible(text: str) -> str:
    """`text` without white space and invisible characters, wherever they are (pure)."""
    return "".join(character for character in text if not _is_invisible(character))


def invisible_in(text: str) -> str:
    """`U+0020 (SPACE)`: the first character anywhere in `text` that nobody sees (pure); empty if it has none."""
    return next((_shown(character) for character in text if _is_invisible(character)), "")


def _shown(character: str) -> str:
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"


def misspelled_key(source_key: Iterable[str], names: Iterable[str]) -> Rejected | None:
    """Why a record with this key must not be sent, by the name of the first such part (pure); None if it may be."""
    for part, name in zip(source_key, names, strict=True):
        if what := describe(part):
            return Rejected(
                f"the key {name} {what}: it looks like another key, so nothing is sent. Remove it in the source", name
            )
    return None


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in _CATEGORIES or character in _OTHERS
