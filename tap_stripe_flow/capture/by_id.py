"""Reads the objects whose ids a setting holds, all of them on every run. There is no bookmark."""

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
    """Reads `ids` of `listing`. `on_missing` is called for each id that Stripe does not know; the others are read."""

    listing: Listing
    ids: Sequence[str]
    prefetch: PrefetchPool
    on_missing: Callable[[NotFound], None]

    def batches(self) -> Iterator[Batch]:
        """One batch per object, in the order of `ids`. Raises StripeError for errors other than NotFound."""
        for result in self.prefetch.in_order(functools.partial(self._retrieve, object_id) for object_id in self.ids):
            if isinstance(result, NotFound):
                self.on_missing(result)
            else:
                yield Batch(records=[result])

    def _retrieve(self, object_id: str) -> ListedRecord | NotFound:
        try:
            return self.listing.retrieve(object_id)
        except NotFound as error:
            return error
