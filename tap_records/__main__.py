"""The command tap-records, also as `python -m tap_records`."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the tap. Ctrl-C during the imports, which take a second, ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tap_records.standard_streams import standard_streams  # noqa: PLC0415  # see below
    from tap_records.tap import TapRecords  # noqa: PLC0415  # not before the line above

    with standard_streams():
        TapRecords.cli()


if __name__ == "__main__":
    main()
