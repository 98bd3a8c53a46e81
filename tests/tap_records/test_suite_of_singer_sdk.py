"""The SDK's own suite for taps."""

from __future__ import annotations

from pathlib import Path

from singer_sdk.testing import get_tap_test_class

from tap_records.tap import TapRecords

ROWS = Path(__file__).parent / "rows"

TestTapRecords = get_tap_test_class(
    TapRecords,
    config={
        "files": [
            {
                "path": str(ROWS / "customers.csv"),
                "stream": "customers",
                "key_properties": ["id"],
                "types": {"balance": "integer"},
            },
            {
                "path": str(ROWS / "charges.jsonl"),
                "stream": "charges",
                "key_properties": ["id"],
                "types": {"id": "integer", "amount": "integer", "customer": "string"},
            },
        ]
    },
)
