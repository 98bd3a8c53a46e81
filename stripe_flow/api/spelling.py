"""Which known word somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, whatever its case; None where none is like it."""
    by_form = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.casefold(), by_form, n=1)
    return by_form[found[0]] if found else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """To be put behind a message: which one is near, if one is."""
    near = nearest(word, known)
    return f" (did you mean {near}?)" if near else ""
