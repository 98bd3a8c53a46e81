"""What of a stream to read, in time, as the settings say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from stripe_flow.api.errors import Misconfigured
from tap_stripe_flow.windows.plan import OLDEST


@dataclass(frozen=True, kw_only=True)
class Span:
    """What of a stream to read: half-open, in Unix seconds. `start` None: from Stripe's present on; `end` None: to it.

    `overlap_s` is how late an object may appear.
    """

    start: int | None
    end: int | None
    overlap_s: int

    def holds(self, created: int) -> bool:
        return (self.start or OLDEST) <= created and (self.end is None or created < self.end)

    def check_end(self, now: int) -> None:
        """Raises Misconfigured where something may still become visible before the end, at Stripe's time `now`."""
        if self.end is not None and self.end > now - self.overlap_s:
            raise Misconfigured(
                f"setting end_date must be at least overlap_s ({self.overlap_s} s) before Stripe's present: "
                "leave it out to read up to now"
            )


def iso(unix: int) -> str:
    """As the settings have it."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
