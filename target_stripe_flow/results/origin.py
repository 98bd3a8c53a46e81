"""Where a record came from: its stream as the input has it, before any stream map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a SCHEMA message said, so that a reject can be piped back through the same maps."""

    stream: str
    key_properties: Sequence[str]
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
    """A record as it came, at this line of the input."""

    origin: Origin
    record: Mapping[str, Any]  # Any: JSON
    line: int
