"""The known word that a misspelled word is closest to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to `word`, ignoring case; None if none is similar. Swapped letters are the closest."""
    by_form = {name.casefold(): name for name in known}
    swapped = [form for form in by_form if sorted(form) == sorted(word.casefold())]
    matches = swapped or difflib.get_close_matches(word.casefold(), by_form, n=1)
    return by_form[matches[0]] if matches else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` to append to a message; empty if no known word is similar."""
    near = nearest(word, known)
    return f" (did you mean {near}?)" if near else ""


def mistyped_variables(prefix: str, known: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """A warning for each variable that begins with `prefix` and is similar to a setting in `known` but not equal."""
    names = {name.upper() for name in known}
    suffixes = sorted(name.removeprefix(prefix) for name in environment if name.startswith(prefix))
    # A second Meltano connection is named tap-stripe-flow--eu, and Meltano's own settings begin with _, too.
    near = {name: nearest(name, names) for name in suffixes if name not in names and not name.startswith("_")}
    return [
        f"the environment variable {prefix}{name} is not a setting and is ignored: did you mean {prefix}{meant}?"
        for name, meant in near.items()
        if meant
    ]
