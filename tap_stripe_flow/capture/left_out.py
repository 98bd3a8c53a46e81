"""Objects of which a list inside cannot be read to its end: they are written without the list, and asked again.

Stripe cuts the lists inside an object, and reading on needs requests, which Stripe may refuse for one object. A list is
whole or absent, never cut. The state remembers these objects as it does refused parents.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace

from stripe_flow.api.errors import NotFound, StripeError
from tap_stripe_flow.capture.refused_parents import RefusalLog, RefusedParents, Words
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ListedRecord, Record
from tap_stripe_flow.listing.refusals import is_of_one_object
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.state import StateKeeper

_WORDS = Words(objects="objects", unread="a list", later="the oldest ones are emitted whole when they change")


@dataclass(frozen=True, kw_only=True)
class LeftOutLists:
    """Names the objects of `listing` of which a list was left out, and asks for them again.

    - `errors` is `listing.left_out`: the error of each such object by its id.
    - `is_bookmarked`: the state remembers how far the list was read. Otherwise every run reads all objects.
    """

    listing: Listing
    errors: MutableMapping[str, StripeError]
    prefetch: PrefetchPool
    keeper: StateKeeper
    log: RefusalLog
    is_bookmarked: bool

    def batches(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, with the objects to ask again in their state. Raises StripeError."""
        refused = RefusedParents(self.keeper.stream_state.refused_parents, self.log, _WORDS)
        refused.note_accepted()  # the objects themselves were read
        if self.is_bookmarked and refused.ids:
            yield from self._ask_again(refused)
        for batch in batches:
            if self.errors or refused.ids:
                self._note(batch.records, refused)
            yield batch if batch.state is None else replace(batch, state=self._state(refused, batch.state))
        if not self.is_bookmarked:
            refused.keep_refused()
            if refused.ids != self.keeper.stream_state.refused_parents:
                yield Batch(state=self.keeper.update(refused_parents=refused.ids))
        refused.finish()

    def _note(self, records: Sequence[Record], refused: RefusedParents) -> None:
        for each in records:
            error = self.errors.pop(each.id, None)
            if error is None or (isinstance(error, NotFound) and self._is_deleted(each.id)):
                refused.forget(each.id)
            else:
                refused.refuse(each.id, error)

    def _is_deleted(self, object_id: str) -> bool:
        """Whether Stripe does not know a list inside the object because the object was deleted since it was listed."""
        _, record, error = self._retrieve(object_id)
        return error is None and (record is None or record.as_record().get("deleted") is True)

    def _state(self, refused: RefusedParents, state: Mapping[str, object]) -> Mapping[str, object]:
        if refused.ids == self.keeper.stream_state.refused_parents:
            return state
        return self.keeper.update(refused_parents=refused.ids)

    def _ask_again(self, refused: RefusedParents) -> Iterator[Batch]:
        """The objects of earlier runs of which every list can be read now."""
        jobs = (functools.partial(self._retrieve, each) for each in refused.ids)
        for object_id, record, error in self.prefetch.in_order(jobs):
            if error is not None:
                refused.refuse(object_id, error)
                continue
            refused.forget(object_id)
            state = self.keeper.update(refused_parents=refused.ids)
            yield Batch(records=[] if record is None else [record], state=state)

    def _retrieve(self, object_id: str) -> tuple[str, ListedRecord | None, StripeError | None]:
        """The id with its object, or with the error that remains; with neither if it was deleted."""
        try:
            record = self.listing.retrieve(object_id)
        except NotFound:
            return object_id, None, None
        except StripeError as error:
            if not is_of_one_object(error):
                raise
            return object_id, None, error
        return object_id, record, self.errors.pop(object_id, None)
