"""Reads the records of structured logs, as plugins write them under Meltano."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# The content of the file that Meltano names in SINGER_SDK_LOG_CONFIG.
STRUCTURED = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"singer_formatter": {"()": "singer_sdk.logging.StructuredFormatter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "singer_formatter", "stream": "ext://sys.stderr"}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}

Record = dict[str, Any]  # Any: JSON


def structured(folder: Path) -> dict[str, str]:
    """The environment variables that make a plugin log as under Meltano."""
    path = folder / "logging.json"
    path.write_text(json.dumps(STRUCTURED), encoding="utf-8")
    return {"SINGER_SDK_LOG_CONFIG": str(path)}


def records_of(log: str) -> list[Record]:
    """All structured records; before it reads Meltano's settings the SDK logs plain text."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def logged(log: str, kind: str) -> list[Record]:
    """The fields of the records of this kind."""
    return [record["extra"][kind] for record in records_of(log) if kind in record["extra"]]
