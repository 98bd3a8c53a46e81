"""Convert another tap's state for tap-stripe-flow, so that it does not read the same records again.

python scripts/carry_state.py OLD.json [--margin-s 600] > NEW.json

OLD is a Singer state, or the output of `meltano state get`; NEW is input for `meltano state set --input-file`. Known
states are those of tap-stripe 3 (`created`, `updates_created`) and of taps that use the SDK (`replication_key_value`).
The script names the bookmarks that it cannot convert on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.windows.bookmark import EVENTS, LISTED

MARGIN_S = 600
READ_TO = ("created", "replication_key_value")
EVENTS_READ_TO, EVENTS_SUFFIX = "updates_created", "_events"
# Streams with their own bookmark; child streams follow their parent.
BY_NAME = {spec.name: spec for spec in STREAMS if spec.stamp and not spec.child_of}

State = Mapping[str, Any]  # Any: JSON of another tap


def convert(old: State, margin_s: int = MARGIN_S) -> tuple[dict[str, Any], list[str]]:  # Any: JSON
    """Our state, and the names of the old bookmarks that it cannot hold; it starts `margin_s` before each bookmark."""
    bookmarks: dict[str, State] = old.get("singer_state", old).get("bookmarks", {})
    new: dict[str, dict[str, object]] = {}
    for name, bookmark in bookmarks.items():
        until = read_time(bookmark, *READ_TO)
        if name in BY_NAME and until is not None:
            new[name] = {"replication_key": "created", LISTED.end: until - margin_s}
            events = read_time(bookmarks.get(name + EVENTS_SUFFIX, {}), EVENTS_READ_TO)
            if events is not None and BY_NAME[name].events:
                new[name][EVENTS.end] = events - margin_s
    return {"bookmarks": new}, sorted(name for name in bookmarks if name.removesuffix(EVENTS_SUFFIX) not in new)


def read_time(bookmark: State, *names: str) -> int | None:
    """The first of these members that is not null, as Unix seconds; None without one."""
    found = next((bookmark[name] for name in names if bookmark.get(name) is not None), None)
    if found is None or isinstance(found, int):
        return found
    moment = datetime.fromisoformat(str(found))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("--margin-s", type=int, default=MARGIN_S, help="seconds before each bookmark to read again")
    options = parser.parse_args()
    state, dropped = convert(json.loads(options.old.read_text(encoding="utf-8")), options.margin_s)
    for name in dropped:
        print(f"{name}: not carried over", file=sys.stderr)
    print(json.dumps({"singer_state": state}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
