"""Which known word somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, whatever its case; None where none is like it."""
    by_form = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.casefold(), by_form, n=1)
    return by_form[found[0]] if found else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """To be put behind a message: which one is near, if one is."""
    near = nearest(word, known)
    return f" (did you mean {near}?)" if near else ""


def mistyped_variables(prefix: str, known: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """What to say of variables that begin with `prefix`, as those of the settings `known` do, and miss one narrowly."""
    names = {name.upper() for name in known}
    given = sorted(name.removeprefix(prefix) for name in environment if name.startswith(prefix))
    # Another connection of Meltano's is named tap-stripe-flow--eu, and what Meltano itself wants begins with _, too.
    near = {name: nearest(name, names) for name in given if name not in names and not name.startswith("_")}
    return [
        f"the environment variable {prefix}{name} is no setting, and nothing reads it: did you mean {prefix}{meant}?"
        for name, meant in near.items()
        if meant
    ]
