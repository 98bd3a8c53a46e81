"""Checks of the catalog that a run gets, against its settings and streams. Pure.

A catalog is discovered once and used for months. It holds the schema and the replication method of the settings at that
time. Discovery therefore marks each stream with the settings that shaped it. A catalog without our mark, from an
earlier version, is judged by its schema and replication key.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, Catalog, CatalogEntry

from stripe_flow.api.spelling import suggestion
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER
from tap_stripe_flow.selection import Path, member_path
from tap_stripe_flow.source import Source
from tap_stripe_flow.streams import StreamSpec

# The stream metadata with the settings of discovery. Meltano keeps it; the SDK reads only keys of its own.
MARK = "tap-stripe-flow.discovered-with"
# Enough names for one line of a message.
SHOWN = 3

Json = dict[str, Any]  # Any: JSON
Marks = Mapping[str, Mapping[str, object]]


def discover_again(config: Iterable[str], meltano_name: str | None) -> str:
    """How to discover again; `config` are the values of `--config`, `meltano_name` the plugin's name under Meltano."""
    if meltano_name:
        return (
            "discover again: add `--refresh-catalog` to `meltano run`, or write the file of `catalog:` anew with "
            f"`meltano invoke {meltano_name} --discover`"
        )
    options = "".join(f" --config {shlex.quote(each)}" for each in config)
    return f"discover again with `tap-stripe-flow{options} --discover`"


def mark(catalog: Json, sources: Mapping[str, Source]) -> Json:
    """The discovered catalog with our mark in the metadata of each stream."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"][MARK] = dict(sources[stream["tap_stream_id"]].schema_settings)
    return catalog


def read_marks(catalog: object) -> Marks:
    """The marks in the JSON of a catalog, by stream; streams without a mark are left out."""
    streams = catalog.get("streams", []) if isinstance(catalog, dict) and not isinstance(catalog, Catalog) else []
    return {
        stream["tap_stream_id"]: entry["metadata"][MARK]
        for stream in streams
        for entry in stream.get("metadata", [])
        if not entry["breadcrumb"] and isinstance(entry["metadata"].get(MARK), dict)
    }


def find_changed_settings(
    sources: Iterable[Source], catalog: Catalog, marks: Marks
) -> Iterator[tuple[str, str, object, object]]:
    """Each stream and setting that shaped the catalog otherwise than it would now: the value then, and the value now.

    `sources` are of the streams to judge.
    """
    for source in sources:
        name, today = source.spec.name, source.schema_settings
        entry = catalog.get_stream(name)
        if entry is None:
            continue
        found = marks.get(name)
        if found is None:
            found, today = _judge(source.spec, entry, catalog), {**today, "expand": _references(source, entry)}
        for setting, now in today.items():
            if setting in found and found[setting] != now:
                yield name, setting, found[setting], now


def explain_changed_settings(changes: Iterable[tuple[str, str, object, object]], remedy: str) -> str:
    """The message for changed settings, with `remedy` at its end; empty without changes."""
    streams: dict[tuple[str, str], list[str]] = {}
    for stream, setting, then, now in changes:
        streams.setdefault((setting, f"was {_words(then)}, and is {_words(now)} now"), []).append(stream)
    parts = [f"{setting} {change} ({_list('stream', names)})" for (setting, change), names in streams.items()]
    return f"the catalog was discovered with other settings: {'; '.join(parts)}: {remedy}" if parts else ""


def find_unselectable_streams(catalog: Catalog, known: Iterable[str]) -> Iterator[str]:
    """A message for each selected stream of the catalog that does not exist."""
    names = list(known)
    for entry in catalog.streams:
        if entry.tap_stream_id not in names and entry.metadata.resolve_selection().get((), True):
            yield (
                f"the catalog selects the stream {entry.tap_stream_id!r}, which does not exist"
                f"{suggestion(entry.tap_stream_id, names)}: correct the name or deselect the stream; --discover lists "
                "all streams"
            )


def explain_unknown_members(schema: Json, entry: CatalogEntry) -> str:
    """The warning for members that the catalog's metadata name and `schema`, the stream's, does not have; or empty."""
    names = [found for breadcrumb in entry.metadata if (found := _unknown(schema, member_path(breadcrumb)))]
    if not names:
        return ""
    return (
        f"the catalog names members of the stream {entry.tap_stream_id} that it does not have: {_list('', names)}. "
        "Selecting or deselecting them has no effect: correct the names, or discover again"
    )


def _unknown(schema: Json, path: Path) -> str:
    """The first part of the path that its object does not have, with a similar name if there is one; or empty."""
    for number, name in enumerate(path, 1):
        properties = schema.get("properties") or {}
        if not properties:  # a free map, or a list
            return ""
        if name not in properties:
            return ".".join(path[:number]) + suggestion(name, properties)
        schema = properties[name]
    return ""


def _judge(spec: StreamSpec, entry: CatalogEntry, catalog: Catalog) -> Mapping[str, object]:
    """The settings of discovery, as far as the schema and the replication key of a catalog without a mark show them."""
    properties = _properties(entry)
    expanded = [name for name in spec.references() if "object" in properties.get(name, {}).get("type", ())]
    found: dict[str, object] = {"account_ids": ACCOUNT_MEMBER in properties, "expand": sorted(expanded)}
    by_id, listed = spec.listed.by_id, catalog.get_stream(spec.listed.name)
    if by_id is not None and listed is not None:
        root = listed.metadata.root
        if listed.replication_key or root.replication_key or root.valid_replication_keys:
            found[by_id.mode_setting] = "list"
        elif listed.replication_method == REPLICATION_FULL_TABLE:
            found[by_id.mode_setting] = "find"
    return found


def _references(source: Source, entry: CatalogEntry) -> list[str]:
    """The references that come as objects: the part of `expand` that a schema shows."""
    expanded = {name.partition(".")[0] for name in source.expand}
    return sorted(expanded & source.spec.references() & _properties(entry).keys())


def _properties(entry: CatalogEntry) -> Json:
    properties: Json = entry.schema.to_dict().get("properties") or {}
    return properties


def _words(value: object) -> str:
    match value:
        case bool():
            return "set" if value else "not set"
        case []:
            return "empty"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _list(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return f"{what}{'s' if len(names) > 1 and what else ''} {shown}".strip()
