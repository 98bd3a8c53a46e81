"""Makes a state of tap-stripe-flow out of another tap's, so that what was read there is not read again.

python scripts/carry_state.py OLD.json [--margin-s 600] > NEW.json

OLD is a Singer state, or what `meltano state get` prints; NEW is what `meltano state set --input-file` takes. Known are
the states of tap-stripe 3 (`created`, `updates_created`) and those of taps made with the SDK (`replication_key_value`).
What cannot be carried over is told on stderr.
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
EVENTS_READ_TO, OF_EVENTS = "updates_created", "_events"
# Those with a bookmark of their own; what belongs to an object comes with it.
BY_NAME = {spec.name: spec for spec in STREAMS if spec.stamp and not spec.child_of}

State = Mapping[str, Any]  # Any: JSON of another tap


def carried(old: State, margin_s: int = MARGIN_S) -> tuple[dict[str, Any], list[str]]:  # Any: JSON
    """Our bookmarks, and the names of the old ones that have no place in them."""
    bookmarks: dict[str, State] = old.get("singer_state", old).get("bookmarks", {})
    new: dict[str, dict[str, object]] = {}
    for name, bookmark in bookmarks.items():
        until = unix(bookmark, *READ_TO)
        if name in BY_NAME and until is not None:
            new[name] = {"replication_key": "created", LISTED.end: until - margin_s}
            events = unix(bookmarks.get(name + OF_EVENTS, {}), EVENTS_READ_TO)
            if events is not None and BY_NAME[name].events:
                new[name][EVENTS.end] = events - margin_s
    return {"bookmarks": new}, sorted(name for name in bookmarks if name.removesuffix(OF_EVENTS) not in new)


def unix(bookmark: State, *names: str) -> int | None:
    """The first of these members that there is, as Unix seconds."""
    found = next((bookmark[name] for name in names if bookmark.get(name) is not None), None)
    if found is None or isinstance(found, int):
        return found
    moment = datetime.fromisoformat(str(found))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("--margin-s", type=int, default=MARGIN_S, help="how much of what was read is read again")
    asked = parser.parse_args()
    state, dropped = carried(json.loads(asked.old.read_text(encoding="utf-8")), asked.margin_s)
    for name in dropped:
        print(f"{name}: not carried over", file=sys.stderr)
    print(json.dumps({"singer_state": state}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
