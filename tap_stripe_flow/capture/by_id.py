"""Find: reads the objects that a setting names, whole, on every run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stripe_flow.api.errors import NotFound
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord
from tap_stripe_flow.windows.batch import Batch


@dataclass(frozen=True, kw_only=True)
class ByIdCapture:
    """`missing` is told each id that Stripe does not know; the others still come."""

    listing: Listing
    ids: Sequence[str]
    prefetch: PrefetchPool
    missing: Callable[[NotFound], None]

    def batches(self) -> Iterator[Batch]:
        """The objects in the order of their ids in the setting. Raises StripeError."""
        for found in self.prefetch.in_order(functools.partial(self._find, object_id) for object_id in self.ids):
            if isinstance(found, NotFound):
                self.missing(found)
            else:
                yield Batch(records=[found])

    def _find(self, object_id: str) -> ListedRecord | NotFound:
        try:
            return self.listing.one(object_id)
        except NotFound as error:
            return error
