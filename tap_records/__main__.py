"""`python -m tap_records` is the command `tap-records`."""

from __future__ import annotations

from tap_records.tap import TapRecords

if __name__ == "__main__":
    TapRecords.cli()
