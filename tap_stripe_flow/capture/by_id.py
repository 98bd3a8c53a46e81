"""Find: reads the objects that a setting names, whole, on every run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stripe_flow.api.errors import NotFound
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import Ahead
from tap_stripe_flow.listing.record import Found
from tap_stripe_flow.windows.batch import Batch


@dataclass(frozen=True, kw_only=True)
class Finder:
    """`missing` is told each id that Stripe does not know; the others still come."""

    listing: Listing
    ids: Sequence[str]
    ahead: Ahead
    missing: Callable[[NotFound], None]

    def batches(self) -> Iterator[Batch]:
        """The objects in the order of their ids in the setting. Raises StripeError."""
        for found in self.ahead.in_order(functools.partial(self._find, object_id) for object_id in self.ids):
            if isinstance(found, NotFound):
                self.missing(found)
            else:
                yield Batch(records=[found])

    def _find(self, object_id: str) -> Found | NotFound:
        try:
            return self.listing.one(object_id)
        except NotFound as error:
            return error
