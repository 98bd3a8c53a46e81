"""What is wrong with the setting `stream_maps`, as phrases that show no expression.

The SDK's own check ends in a traceback for a wrong `__else__`, quotes its whole schema for any other mistake, and takes
a misspelled option for the name of a column.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from singer_sdk.mapper import (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_FILTER_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
)

from tap_records.edge import describe_unknown

_NULL = f'null (or "{NULL_STRING}")'


def _is_null(value: object) -> bool:
    return value is None or value == NULL_STRING


def _is_expression(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_list_of_names(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(name, str) for name in value))


# What each option of a stream's map takes.
_OPTIONS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    MAPPER_ALIAS_OPTION: (_is_expression, "the stream's new name"),
    MAPPER_SOURCE_OPTION: (_is_expression, "the name of a stream"),
    MAPPER_FILTER_OPTION: (lambda value: value is None or _is_expression(value), "an expression or null"),
    MAPPER_KEY_PROPERTIES_OPTION: (_is_list_of_names, "a list of names or null"),
    MAPPER_ELSE_OPTION: (_is_null, _NULL),
}


def find_problems(maps: object, streams: Collection[str]) -> Iterator[str]:
    """A phrase for each part of the setting that the SDK does not take, and for each map of no stream in `streams`."""
    for name, stream_map in maps.items() if isinstance(maps, Mapping) else ():
        path = f"stream_maps.{name}"
        if name == MAPPER_ELSE_OPTION:
            if not _is_null(stream_map):
                yield f"{path} must be {_NULL}"
            continue
        if not isinstance(stream_map, Mapping) and not _is_null(stream_map):
            yield f"{path} must be an object of expressions, or {_NULL}"
            continue
        options = stream_map if isinstance(stream_map, Mapping) else {}
        yield from _find_in_map(path, options)
        source = options.get(MAPPER_SOURCE_OPTION, name)
        if _is_expression(source) and not any(fnmatch.fnmatch(stream, source) for stream in streams):
            yield f"stream_maps: the stream {describe_unknown(source, streams)}"


def _find_in_map(path: str, stream_map: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    for name, value in stream_map.items():
        if name in _OPTIONS:
            is_valid, takes = _OPTIONS[name]
            if not is_valid(value):
                yield f"{path}.{name} must be {takes}"
        elif name.startswith("__") and name.endswith("__"):
            yield f"{path}.{describe_unknown(name, _OPTIONS)}"
        elif not _is_null(value) and not _is_expression(value):
            yield f"{path}.{name} must be the text of an expression, or {_NULL}"
