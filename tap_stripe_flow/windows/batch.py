"""What a stream's source gives to the engine: records, and the state after them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tap_stripe_flow.listing.record import Record
from tap_stripe_flow.windows.plan import Window


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records in the order in which they are written, and the state once they are written.

    - `state` is the bookmark of one stream and account as members of the SDK's state; None: it does not change.
    - `window` is the time window of the records; None: they do not come from a window.
    - `until` is the end of the range that is being read, in Unix seconds; None: not known.
    - `expected` is how many objects are estimated to follow, in a batch without records and state after the first page
      of a list that has more; None: it is no such batch.
    - `at_once`: the state is written before anything else is read, since a run that fails must not forget it.
    """

    records: Sequence[Record] = ()
    state: Mapping[str, object] | None = None
    window: Window | None = None
    until: int | None = None
    at_once: bool = False
    expected: float | None = None
