"""What a source hands to the engine, whatever it reads and however."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tap_stripe_flow.listing.record import Record
from tap_stripe_flow.windows.plan import Window


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records in the order in which they go out, and what the state says from then on; None: nothing new.

    `window` is what the records were read from, if it was a window; `until` is where the range of windows ends.
    """

    records: Sequence[Record] = ()
    state: Mapping[str, object] | None = None
    window: Window | None = None
    until: int | None = None
