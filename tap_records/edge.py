"""The edge of the process: errors of settings, stream maps and output become one line that quotes no value."""

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
def one_line_errors() -> Iterator[None]:
    """Turn exceptions that would end in a traceback into RecordsError."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit):
        raise  # click handles these
    except MappingError as error:
        raise RecordsError(f"Setting stream_maps: {str(error).rstrip('.')}. Fix the setting.") from None
    except Exception as error:  # noqa: BLE001  # the edge of the process
        raise RecordsError(_unexpected(error)) from None


def _unexpected(error: Exception) -> str:
    """The error's class and source line, never its text, which may quote a row."""
    if isinstance(error, OSError) and error.strerror:
        return f"The system reported: {error.strerror}. Fix this and run again."
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"Unexpected {type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}. "
        "Please report this line."
    )


def explain(error: ValidationError) -> Iterator[str]:
    """A phrase for each problem of a setting; without values of free text, which may be personal data."""
    path = _dotted(error.absolute_path)
    rule = str(error.validator)
    limit: Any = error.validator_value  # Any: a name or a list, depending on the rule
    value: Any = error.instance  # Any: the settings as they were read
    schema: Any = error.schema  # Any: JSON schema
    match rule:
        case "required":
            yield from (f"{_dotted([*error.absolute_path, name])} is missing" for name in limit if name not in value)
        case "additionalProperties":
            known = schema["properties"]
            prefix = f"{path}." if path else ""
            yield from (f"{prefix}{describe_unknown(name, known)}" for name in value if name not in known)
        case "enum":
            yield f"{path} must be one of {', '.join(limit)}{_suggestion(str(value), limit)}"
        case "type":
            kinds = limit if isinstance(limit, str) else " or ".join(limit)
            yield f"{path} must be of type {kinds}, not {type(value).__name__}"
        case _:
            yield f"{path} breaks the rule {rule} {limit}"


def describe_unknown(name: str, known: Iterable[str]) -> str:
    """`name is unknown`, with the most similar known name if there is one."""
    return f"{name} is unknown{_suggestion(name, known)}"


def _suggestion(name: str, known: Iterable[str]) -> str:
    similar = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {similar[0]}?" if similar else ""


def _dotted(path: Iterable[str | int]) -> str:
    """A path in the settings as text: `files[0].types.id`."""
    parts: Sequence[str] = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")
