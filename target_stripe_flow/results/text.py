"""Checks of text, and names for logs."""

from __future__ import annotations

import re

# Why a record with such a text is rejected.
HALF = "contains half of a surrogate pair, which is not valid text"
# Python writes at most 4300 decimal digits of a number.
MOST_BITS = 13_000


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can encode `text`: it cannot encode half of a surrogate pair, which JSON can escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_writable(number: int) -> bool:
    """Whether Python can write the number in decimal digits."""
    return number.bit_length() <= MOST_BITS


# A part of a dotted path that is shown; any other part may be personal data.
_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)


def storable(text: str) -> str:
    """The text without NUL and without halves of surrogate pairs, which a database refuses."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def shown_name(path: str) -> str:
    """The name of a field for a log: parts that are not a name or a small number become `…`."""
    return ".".join(
        part if _NAME.fullmatch(part) or (part.isdecimal() and len(part) < 4) else "…" for part in path.split(".")
    )
