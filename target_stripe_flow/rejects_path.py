"""The path of the rejects file. A file that is something else is refused before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.location import location_of
from target_stripe_flow.results.rejects import Rejects
from target_stripe_flow.settings import REJECTS_FILE

# Configuration, state and catalog are smaller, and a larger one would have to fit into memory.
_MOST_BYTES = 4 << 20
_FIRST_BYTES = {b"SQLite format 3\0": "a database", b"7\x7f\x06": "a part of a database", b"\x1f\x8b": "compressed"}


def rejects_path(config: Mapping[str, object]) -> Path:
    """The rejects file: by default beside the journal; a relative path is in the Meltano project, if there is one."""
    path = config.get("rejects_path")
    if not path:
        return location_of(config).folder / REJECTS_FILE
    return Path(os.environ.get("MELTANO_PROJECT_ROOT", ".")) / str(path)


def check_rejects_path(config: Mapping[str, object]) -> Path:
    """The path. Raises Misconfigured if it cannot be written, or names a file of the journal or another one in use."""
    path = rejects_path(config)
    if config.get("rejects_path"):  # else it is beside the journal, whose own message is clearer
        Rejects(path).check_writable()
    for taken in location_of(config).own_names():
        if _is_same(path, taken):
            raise _refuse(path, f"is the journal's file {taken}")
    if what := _what_else(path):
        raise _refuse(path, f"holds {what}, and no rejects")
    return path


def _refuse(path: Path, why: str) -> Misconfigured:
    return Misconfigured(
        f"the rejects file {str(path)!r} {why}: set rejects_path to a file of its own. Nothing was written"
    )


def _is_same(one: Path, other: Path) -> bool:
    """Whether they are one file, by any name; a file that does not exist is compared by its path."""
    try:
        return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))
    except (OSError, ValueError, RuntimeError):  # a circle of links
        return False


def _what_else(path: Path) -> str:
    """What the file holds if it is a database, or one JSON object as configuration, state and catalog are; else empty.

    Other text may be lines that a person has added.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except (OSError, ValueError):  # there is none yet
        return ""
    for first, what in _FIRST_BYTES.items():
        if content.startswith(first):
            return what
    try:
        value = msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return "a JSON object" if isinstance(value, dict) and "type" not in value else ""
