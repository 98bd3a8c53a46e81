"""The edge of the process: what goes wrong with settings, a stream map or the output, in one line without a value."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from jsonschema import ValidationError
from singer_sdk.exceptions import MappingError

from tap_records.errors import RecordsError


@contextmanager
def told() -> Iterator[None]:
    """Raises RecordsError for what would be a traceback."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise  # click knows what to do with them
    except MappingError as error:
        raise RecordsError(f"Setting stream_maps: {str(error).rstrip('.')}. Mend it.") from None
    except Exception as error:  # noqa: BLE001  # the edge of the process
        raise RecordsError(_unexpected(error)) from None


def _unexpected(error: Exception) -> str:
    """Its class and place, never its text, which may quote a row."""
    if isinstance(error, OSError) and error.strerror:
        return f"The system refused something ({error.strerror}). Mend that and run again."
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return f"An unexpected {type(error).__name__} in {place}. Please report this line."


def explain(error: ValidationError) -> Iterator[str]:
    """What is wrong with a setting; its value may be a person's."""
    place = _place(error.absolute_path)
    rule = str(error.validator)
    limit: Any = error.validator_value  # Any: a name or a list, depending on the rule
    given: Any = error.instance  # Any: the settings as they were given
    schema: Any = error.schema  # Any: JSON schema
    match rule:
        case "required":
            yield from (f"{_place([*error.absolute_path, name])} is missing" for name in limit if name not in given)
        case "additionalProperties":
            known = schema["properties"]
            inside = f"{place}." if place else ""
            yield from (f"{inside}{unknown(name, known)}" for name in given if name not in known)
        case "enum":
            hint = near(str(given), limit)
            yield f"{place} must be one of {', '.join(limit)}" + (f": {hint}" if hint else "")
        case "type":
            kinds = limit if isinstance(limit, str) else " or ".join(limit)
            yield f"{place} must be of type {kinds}, not {type(given).__name__}"
        case _:
            yield f"{place} breaks the rule {rule} {limit}"


def unknown(name: str, known: Iterable[str]) -> str:
    hint = near(name, known)
    return f"{name} is unknown" + (f": {hint}" if hint else "")


def near(name: str, known: Iterable[str]) -> str:
    """A question after the known name that is most like it; empty where none is."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {found[0]}?" if found else ""


def _place(path: Iterable[str | int]) -> str:
    """`files[0].types.id`."""
    parts: Sequence[str] = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")
