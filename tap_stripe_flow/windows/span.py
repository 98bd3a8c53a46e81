"""The time range that the settings select."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from stripe_flow.api.errors import Misconfigured


@dataclass(frozen=True, kw_only=True)
class Span:
    """The creation times to read: [start, end) in Unix seconds.

    `start` None: from Stripe's time at the first run on (`start_date: now`). `end` None: up to Stripe's present.
    `overlap_s` is how many seconds after its `created` an object may still become visible.
    """

    start: int | None
    end: int | None
    overlap_s: int

    def check_end(self, now: int) -> None:
        """Raise Misconfigured if objects from before `end` may still become visible; `now` is Stripe's time."""
        if self.end is not None and self.end > now - self.overlap_s:
            raise Misconfigured(
                f"setting end_date must be at least overlap_s ({self.overlap_s} s) before Stripe's current time: "
                "leave it out to read up to now"
            )


def iso(unix: int) -> str:
    """Unix seconds as ISO 8601 in UTC: `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
