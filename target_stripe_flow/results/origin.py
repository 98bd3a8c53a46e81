"""A record and its stream as the input has them, before stream maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The SCHEMA message of a stream, so that a reject can be piped back through the same stream maps.

    `source_name` is that of the stream; empty where none is configured.
    """

    stream: str
    key_properties: Sequence[str]
    source_name: str = ""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"properties": {}})  # Any: JSON

    def message(self) -> dict[str, Any]:  # Any: JSON
        """The SCHEMA message."""
        return {
            "type": "SCHEMA",
            "stream": self.stream,
            "schema": self.schema,
            "key_properties": list(self.key_properties),
        }


@dataclass(frozen=True, kw_only=True)
class Received:
    """A record as received, and its line in the input."""

    origin: Origin
    record: Mapping[str, Any]  # Any: JSON
    line: int
