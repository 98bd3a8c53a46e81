"""What is wrong with the settings, in words, with what is near to what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft7Validator, ValidationError

Json = Mapping[str, Any]  # Any: JSON, as settings and schema are


def problems(settings: Json, schema: Json) -> list[str]:
    """Each a sentence without its end; none where all is well. A name that `schema` does not have is one, too."""
    unknown = sorted(set(settings) - set(schema["properties"]))
    found = [_unknown(name, schema["properties"]) for name in unknown]
    for error in Draft7Validator(schema).iter_errors(settings):
        found += _explained(error)
    return list(dict.fromkeys(found))  # of two that are missing, each of two errors tells both


def _explained(error: ValidationError) -> Iterator[str]:
    rule = str(error.validator)
    given: Any = error.instance  # Any: the setting, or all of them
    limit: Any = error.validator_value  # Any: what the rule allows
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path).lstrip(".")
    match rule:
        case "required":
            yield from (f"'{_inside(place, name)}' is missing" for name in limit if name not in given)
        case "additionalProperties" if isinstance(error.schema, Mapping):
            known = error.schema["properties"]
            yield from (_unknown(name, known, place) for name in given if name not in known)
        case "enum":
            yield f"'{place}' must be one of {', '.join(limit)}, not '{given}'{_near(str(given), limit)}"
        case "type":
            kinds = limit if isinstance(limit, str) else " or ".join(limit)
            yield f"'{place}' must be of type {kinds}"
        case _:
            yield f"'{place}' breaks the rule {rule}"


def _unknown(name: str, known: Iterable[str], place: str = "") -> str:
    near = _near(name, known) or f": there are {', '.join(known)}"
    return f"'{_inside(place, name)}' is no setting{near}"


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _near(word: str, known: Iterable[str]) -> str:
    by_form = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.casefold(), by_form, n=1)
    return f" (did you mean {by_form[found[0]]}?)" if found else ""
