"""The setting `files`: its schema, and the files and streams that it describes."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from singer_sdk import typing as th

from tap_records.columns import KEY_TYPES, clashing_name
from tap_records.errors import RecordsError
from tap_records.values import TYPES

Entry: TypeAlias = "Mapping[str, Any]"  # Any: an entry of the setting, checked by the schema below

FORMAT_BY_SUFFIX: Mapping[str, str] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
FORMATS = ("csv", "jsonl")

ENTRY = th.ObjectType(
    th.Property(
        "path",
        th.StringType,
        required=True,
        description="The file. A relative path starts at the Meltano project, otherwise at the working folder.",
    ),
    th.Property("stream", th.StringType, required=True, description="The stream of the rows."),
    th.Property(
        "format",
        th.StringType,
        allowed_values=list(FORMATS),
        description="csv or jsonl. Default: by the file's suffix, .csv, .jsonl or .ndjson.",
    ),
    th.Property(
        "key_properties",
        th.ArrayType(th.StringType),
        description="The columns that identify a row. Their values are strings or integers, never empty.",
    ),
    th.Property(
        "types",
        th.ObjectType(additional_properties=th.StringType(allowed_values=list(TYPES))),
        description=f"Column → {', '.join(TYPES)}. Untyped CSV cells are strings, untyped JSONL values unchanged.",
    ),
    th.Property(
        "delimiter", th.StringType, description="The character between the cells of a CSV file. Default: a comma."
    ),
    th.Property(
        "encoding",
        th.StringType,
        description="The file's encoding, by any name that Python knows: cp1252, utf-16. Default: utf-8.",
    ),
    additional_properties=False,
)
SETTINGS: dict[str, Any] = th.PropertiesList(  # Any: JSON schema
    th.Property(
        "files",
        th.ArrayType(ENTRY),
        required=True,
        title="Files",
        description=(
            "The files to read, in this order: a list of {path, stream, format, key_properties, types, delimiter, "
            "encoding}. "
            "Streams are written in the order of their first file: put customers before rows that refer to them. "
            "A dot in a CSV column's name makes an object: metadata.plan."
        ),
    ),
).to_dict()


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One entry of `files`. `name` is its path as written in the setting, for messages."""

    name: str
    path: Path
    stream: str
    format: str
    key_properties: tuple[str, ...]
    types: Mapping[str, str]
    delimiter: str
    encoding: str


def base_folder() -> Path:
    """The folder that relative paths start from: the Meltano project, otherwise the working folder."""
    return Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path.cwd())


def files_by_stream(entries: Sequence[Entry], base: Path) -> dict[str, list[SourceFile]]:
    """The files of each stream; streams and files are in the order of the setting.

    Raises RecordsError for a mistake that the setting's JSON schema cannot express.
    """
    if not entries:
        raise RecordsError("Setting 'files' is empty. Name at least one file with its path and stream.")
    streams: dict[str, list[SourceFile]] = {}
    for index, entry in enumerate(entries):
        file = _source_file(entry, base, f"files[{index}]")
        others = streams.setdefault(file.stream, [])
        _check_same_stream(file, others, f"files[{index}]")
        others.append(file)
    return streams


def _source_file(entry: Entry, base: Path, setting: str) -> SourceFile:
    name = entry["path"]
    file = SourceFile(
        name=name,
        path=base / name,
        stream=entry["stream"],
        format=entry.get("format") or FORMAT_BY_SUFFIX.get(Path(name).suffix.lower(), ""),
        key_properties=tuple(entry.get("key_properties") or ()),
        types=dict(entry.get("types") or {}),
        delimiter=entry.get("delimiter") or ",",
        encoding=entry.get("encoding") or "utf-8",
    )
    _check(file, setting)
    if file.format != "csv" and entry.get("delimiter"):
        raise RecordsError(f"Setting {setting}.delimiter is for CSV, and '{name}' is {file.format}. Remove it.")
    return file


def _check(file: SourceFile, setting: str) -> None:
    if not file.name or not file.stream:
        raise RecordsError(f"Setting {setting} has an empty path or stream. Fill in both.")
    if file.format not in FORMATS:
        raise RecordsError(f"The format of '{file.name}' is unknown. Set {setting}.format to csv or jsonl.")
    if len(file.delimiter) != 1 or file.delimiter in '"\r\n':
        raise RecordsError(f"Setting {setting}.delimiter must be one character, and no quote or line end.")
    if not _is_text_encoding(file.encoding):
        raise RecordsError(f"Setting {setting}.encoding names no encoding of Python's. Write utf-8, cp1252 or utf-16.")
    _check_columns(file, setting)


def _check_columns(file: SourceFile, setting: str) -> None:
    for key, count in Counter(file.key_properties).items():
        if count > 1:
            raise RecordsError(f"Setting {setting}.key_properties names '{key}' twice. Name it once.")
        if "." in key or not key:
            raise RecordsError(
                f"Setting {setting}.key_properties: '{key}' is not a top-level column. Use a name without a dot."
            )
        if file.types.get(key, "string") not in KEY_TYPES:
            raise RecordsError(f"Setting {setting}.types: '{key}' is a key. Make it a string or an integer.")
    if any(not part for name in file.types for part in name.split(".")):
        raise RecordsError(f"Setting {setting}.types has an empty name. Write names like amount or metadata.plan.")
    if clash := clashing_name([*file.types, *file.key_properties]):
        raise RecordsError(f"Setting {setting}.types: '{clash}' is a value and also an object. Keep one.")


def _is_text_encoding(name: str) -> bool:
    """Whether Python decodes text by this name; it also lists codecs of bytes, such as base64."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)
    except (LookupError, ValueError):  # a ValueError for a NUL in the name
        return False
    return True


def _check_same_stream(file: SourceFile, others: list[SourceFile], setting: str) -> None:
    for other in others:
        if (file.key_properties, file.types) != (other.key_properties, other.types):
            raise RecordsError(
                f"Setting {setting}: key_properties or types of stream '{file.stream}' differ from those of "
                f"'{other.name}'. Make them equal or name another stream."
            )
        if file.path == other.path:
            raise RecordsError(f"Setting {setting}: '{file.name}' is already read into '{file.stream}'. Remove one.")
