"""What counts as text: JSON can escape half of a surrogate pair, and no encoding can write it."""

from __future__ import annotations

import re

# What stands in the rejects file where a card number stood.
CARD_MASK = "[card number]"


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# A dotted path of columns; anything else may be a person's, or a number that is nobody's business.
_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)


def shown_name(path: str) -> str:
    """The name of a field for a log: the parts of it that are names, and three dots for each that is none."""
    return ".".join(
        part if _NAME.fullmatch(part) or (part.isdecimal() and len(part) < 4) else "…" for part in path.split(".")
    )
