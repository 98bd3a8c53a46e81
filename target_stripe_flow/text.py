"""What counts as text: JSON can escape half of a surrogate pair, and no encoding can write it."""

from __future__ import annotations

# What stands in the rejects file where a card number stood.
CARD_MASK = "[card number]"


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
