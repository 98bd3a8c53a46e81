"""What a person may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(name: str, known: Iterable[str]) -> str:
    """A question after the known name that is most like it, else all that are known."""
    known = list(known)
    found = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"
