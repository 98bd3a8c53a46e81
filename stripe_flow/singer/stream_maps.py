"""What is wrong with the setting `stream_maps`, and what to write instead. Pure.

The SDK's own check ends in a traceback for a wrong `__else__`, quotes its whole schema for any other mistake, and takes
a misspelled option for the name of a column.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
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

from stripe_flow.api.spelling import suggestion

# How similar a name is that is surely a misspelling.
_ALMOST = 0.9
# What people write between a member and a member inside of it; the second is that of flattened columns.
_PATH = re.compile(r"\.|__")
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
    MAPPER_SOURCE_OPTION: (_is_expression, "the name of the stream whose records this map takes"),
    MAPPER_FILTER_OPTION: (lambda value: value is None or _is_expression(value), "an expression, or null"),
    MAPPER_KEY_PROPERTIES_OPTION: (_is_list_of_names, "a list of names, or null"),
    MAPPER_ELSE_OPTION: (_is_null, f"{_NULL}, which leaves out the members that the map does not name"),
}


def find_problems(maps: object) -> Iterator[str]:
    """A message for each part of the setting that is not as the SDK takes it; no message shows an expression."""
    for name, stream_map in maps.items() if isinstance(maps, Mapping) else ():
        if name == MAPPER_ELSE_OPTION:
            if not _is_null(stream_map):
                yield f"setting stream_maps.{name} must be {_NULL}, which leaves out the streams without a map"
        elif name.startswith("__"):
            yield f"setting stream_maps.{name} is unknown{suggestion(name, [MAPPER_ELSE_OPTION])}"
        elif isinstance(stream_map, Mapping):
            yield from _find_in_map(name, stream_map)
        elif not _is_null(stream_map):
            yield (
                f"setting stream_maps.{name} must be an object of expressions by member, or {_NULL}, which leaves out "
                "the stream"
            )


def find_unknown_streams(
    maps: Mapping[str, Any] | None,  # Any: JSON
    streams: Collection[str],
    problem: str = "which does not exist",
) -> Iterator[str]:
    """A message for each map whose name, pattern or `__source__` fits none of `streams`; `problem` is a part of it."""
    for name, source, _ in _sources(maps):
        if not any(fnmatch.fnmatch(stream, source) for stream in streams):
            where = name if source == name else f"{name}.{MAPPER_SOURCE_OPTION}"
            yield f"setting stream_maps.{where} names the stream {source!r}, {problem}{suggestion(source, streams)}"


def find_unknown_members(
    maps: Mapping[str, Any] | None,  # Any: JSON
    streams: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, bool]]:
    """A message for each member that a map leaves out, if no stream that it fits has the member.

    Also whether the name is surely a mistake, with which the member that is meant would come: it is the path to a
    member's own member, or spelled almost as one. Any other may be new at Stripe. `streams` are the names of the
    members of each stream.
    """
    for name, source, stream_map in _sources(maps):
        known = {each for stream, members in streams.items() if fnmatch.fnmatch(stream, source) for each in members}
        for member in (each for each, value in stream_map.items() if _is_null(value) and each not in _OPTIONS):
            if known and member not in known:
                is_path = _PATH.split(member)[0] in known
                hint = ": a map reaches no member inside of another, so deselect it in the catalog"
                problem = f"setting stream_maps.{name}.{member} leaves out a member that the stream does not have"
                yield (
                    problem + (hint if is_path else suggestion(member, known)),
                    is_path or bool(difflib.get_close_matches(member.casefold(), known, n=1, cutoff=_ALMOST)),
                )


def _sources(maps: Mapping[str, Any] | None) -> Iterator[tuple[str, str, Mapping[str, Any]]]:  # Any: JSON
    """The name of each map, the name or pattern of its streams, and what it does with their members."""
    for name, stream_map in (maps or {}).items():
        members = stream_map if isinstance(stream_map, Mapping) else {}
        if name != MAPPER_ELSE_OPTION:
            yield name, members.get(MAPPER_SOURCE_OPTION, name), members


def _find_in_map(stream: str, stream_map: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    for name, value in stream_map.items():
        where = f"setting stream_maps.{stream}.{name}"
        if name in _OPTIONS:
            is_valid, takes = _OPTIONS[name]
            if not is_valid(value):
                yield f"{where} must be {takes}"
        elif name.startswith("__") and name.endswith("__"):
            yield f"{where} is no option of a stream map{suggestion(name, _OPTIONS)}: there are {', '.join(_OPTIONS)}"
        elif not _is_null(value) and not _is_expression(value):
            yield f"{where} must be the text of an expression, or {_NULL}, which leaves out the member"
