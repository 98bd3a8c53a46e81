"""What runs told, read back from structured logs as Meltano has them written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# As Meltano writes it into the file that it names in SINGER_SDK_LOG_CONFIG.
STRUCTURED = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"singer_formatter": {"()": "singer_sdk.logging.StructuredFormatter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "singer_formatter", "stream": "ext://sys.stderr"}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}

Told = dict[str, Any]  # Any: JSON


def structured(folder: Path) -> dict[str, str]:
    """The environment in which a plugin logs as under Meltano."""
    path = folder / "logging.json"
    path.write_text(json.dumps(STRUCTURED), encoding="utf-8")
    return {"SINGER_SDK_LOG_CONFIG": str(path)}


def records_of(log: str) -> list[Told]:
    """All of it; before Meltano's settings are read the SDK logs in its own way."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def told(log: str, kind: str) -> list[Told]:
    """The fields of these."""
    return [each["extra"][kind] for each in records_of(log) if kind in each["extra"]]
