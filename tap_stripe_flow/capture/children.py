"""Child streams: reads the child objects of each parent object, all of them, whenever the parent is read.

Children inside the parent object need a request only where Stripe cuts their list (see `listing.nested`).
A parent whose children Stripe refuses does not stop the others (see `refused_parents`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import quote

import msgspec

from stripe_flow.api.errors import NotFound, StripeError, UnreadableAnswer
from stripe_flow.api.stripe_ids import shown_path
from tap_stripe_flow.capture.refused_parents import RefusalLog, RefusedParents
from tap_stripe_flow.listing.object_key import read_key
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER, PARENT_MEMBER, ChildRecord, Record, with_member
from tap_stripe_flow.listing.refusals import is_of_one_object
from tap_stripe_flow.streams import ChildOf
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.state import StateKeeper, StreamState

P = TypeVar("P")

# How many parents' children make a batch: one parent can have thousands.
PARENTS_PER_BATCH = 100
# How many parents of earlier runs are asked before all parents count as refused.
MOST_OTHERS = 3


@dataclass(frozen=True, kw_only=True)
class Children:
    """What Stripe shows of one parent: the records of its child objects, or `error`.

    `is_deleted`: the parent is deleted, or the record is that of a deleted child.
    """

    parent_id: str
    records: Sequence[ChildRecord] = ()
    error: StripeError | None = None
    is_deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class ChildReader:
    """Reads the child objects of a child stream: from the parent's `list_member`, or without one from `listing`.

    - `listing.path` may contain `{id}` for the parent's id; `parents` is the list of the parents.
    - `keeper` holds the state with the ids of refused parents, `log` gets the messages; by default nothing is kept.
    - `is_bookmarked`: the state remembers how far the parents were read. Otherwise every run reads all of them.
    """

    child_of: ChildOf
    listing: Listing
    parents: Listing
    prefetch: PrefetchPool
    keeper: StateKeeper = field(default_factory=lambda: StateKeeper(StreamState()))
    log: RefusalLog = field(default_factory=RefusalLog)
    is_bookmarked: bool = False

    def batches(self, parents: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of `parents` with child records instead; a batch's state comes with the last of its children.

        No state is moved before the children of one parent were read. Raises StripeError, also where the children of
        all parents are refused.
        """
        refused = RefusedParents(self.keeper.stream_state.refused_parents, self.log)
        if self.is_bookmarked:
            yield from self._ask_again(refused)
        held: Batch | None = None
        for batch in parents:
            waiting: Sequence[Record] = ()
            for children in self._read(batch.records, refused):
                if waiting and children:
                    yield Batch(records=waiting)
                waiting = children or waiting
            if refused.are_all:
                held = batch if batch.state is not None else held
                if waiting:  # deletions of children, which need no parent
                    yield Batch(records=waiting)
            else:
                yield replace(batch, records=waiting, state=self._state(batch, refused))
                held = None if batch.state is not None else held
        if refused.are_all:
            self._check_others(refused)
        yield from self._finish(held, refused)

    def _ask_again(self, refused: RefusedParents) -> Iterator[Batch]:
        """The children of parents that earlier runs could not read."""
        for several in self._several_by_several(self._retrieve, refused.ids):
            records = self._note(several, refused)
            if refused.ids != self.keeper.stream_state.refused_parents:
                yield Batch(records=records, state=self.keeper.update(refused_parents=refused.ids))

    def _read(self, parents: Sequence[Record], refused: RefusedParents) -> Iterator[list[ChildRecord]]:
        return (self._note(several, refused) for several in self._several_by_several(self._children, parents))

    def _several_by_several(self, read: Callable[[P], Children], parents: Sequence[P]) -> Iterator[Iterator[Children]]:
        """What `read` gives for each parent, in their order, for PARENTS_PER_BATCH at a time.

        The next ones are begun while these are read, so requests never wait for the end of a batch.
        """
        with closing(self.prefetch.in_order(functools.partial(read, each) for each in parents)) as every:
            for _ in range(0, len(parents), PARENTS_PER_BATCH):
                yield itertools.islice(every, PARENTS_PER_BATCH)

    def _note(self, every: Iterator[Children], refused: RefusedParents) -> list[ChildRecord]:
        records: list[ChildRecord] = []
        for each in every:
            if each.error is not None:
                refused.refuse(each.parent_id, each.error)
            elif each.is_deleted:
                refused.forget(each.parent_id)
            else:
                refused.accept(each.parent_id)
            records += each.records
        return records

    def _state(self, batch: Batch, refused: RefusedParents) -> Mapping[str, object] | None:
        if batch.state is None or refused.ids == self.keeper.stream_state.refused_parents:
            return batch.state
        return self.keeper.update(refused_parents=refused.ids)

    def _check_others(self, refused: RefusedParents) -> None:
        """Ask for the children of parents of earlier runs. Raises StripeError if no parent's children are shown."""
        if self.is_bookmarked:
            newest = self.parents.page(OLDEST, None).records()
            others = [each for each in newest if each.id not in refused.ids][:MOST_OTHERS]
            if any(each.error is None for each in map(self._children, others)):
                return refused.note_accepted()
        raise refused.first_error()

    def _finish(self, held: Batch | None, refused: RefusedParents) -> Iterator[Batch]:
        if not self.is_bookmarked:
            refused.keep_refused()
        if held is not None or refused.ids != self.keeper.stream_state.refused_parents:
            yield replace(held or Batch(), records=(), state=self.keeper.update(refused_parents=refused.ids))
        refused.finish()

    def _retrieve(self, parent_id: str) -> Children:
        """The children of a parent of which only the id is known."""
        if not self.child_of.list_member:
            return self._children(ChildRecord(parent_id, 0, b"{}"))
        try:
            return self._children(self.parents.retrieve(parent_id))
        except NotFound:
            return Children(parent_id=parent_id, is_deleted=True)
        except StripeError as error:
            return self._refused(parent_id, error)

    def _children(self, parent: Record) -> Children:
        try:
            members = _MEMBERS.decode(parent.raw)
            if bytes(members.get("deleted", _NULL)) == b"true":
                # The deletion of a child has a parent and is written as it is; a deleted parent has no children.
                deleted = (
                    [ChildRecord(parent.id, parent.read_at, bytes(parent.raw))] if PARENT_MEMBER in members else []
                )
                return Children(parent_id=parent.id, records=deleted, is_deleted=True)
            if self.child_of.list_member:
                records = [self._record(parent, parent.read_at, raw) for raw in self._contained(members)]
            else:
                records = [self._record(parent, each.read_at, bytes(each.raw)) for each in self._listed(parent.id)]
        except NotFound as error:
            if self._is_deleted(parent.id):
                return Children(parent_id=parent.id, is_deleted=True)
            return self._refused(parent.id, error)
        except StripeError as error:
            return self._refused(parent.id, error)
        except (ValueError, RecursionError) as error:  # msgspec's, of an odd child
            return self._refused(parent.id, self._unreadable(parent.id, error))
        return Children(parent_id=parent.id, records=records)

    def _refused(self, parent_id: str, error: StripeError) -> Children:
        """A refused parent. Raises `error` if it is not about this parent alone."""
        if not is_of_one_object(error):
            raise error
        return Children(parent_id=parent_id, error=error)

    def _unreadable(self, parent_id: str, error: Exception) -> UnreadableAnswer:
        parent, what = (
            shown_path(f"{self.parents.path}/{parent_id}"),
            self.child_of.list_member or "the list of its children",
        )
        return UnreadableAnswer(f"GET {parent}: {what} has a form that the tap cannot read ({type(error).__name__})")

    def _is_deleted(self, parent_id: str) -> bool:
        """Whether the parent was deleted since it was listed."""
        try:
            members = _MEMBERS.decode(self.parents.retrieve(parent_id).raw)
        except NotFound:
            return True
        except StripeError as error:
            if not is_of_one_object(error):
                raise
            return False
        return bytes(members.get("deleted", _NULL)) == b"true"

    def _contained(self, members: Mapping[str, msgspec.Raw]) -> list[msgspec.Raw]:
        """The children in the parent's list; empty if Stripe shows the parent without the list."""
        name = self.child_of.list_member or ""
        nested = bytes(members.get(name, _NULL))
        if nested == bytes(_NULL):
            return []
        return _LIST.decode(self.parents.complete_list(nested, name)).data

    def _listed(self, parent_id: str) -> Iterator[Record]:
        """The children that Stripe lists for the parent."""
        path = self.listing.path.replace("{id}", quote(parent_id, safe=""))
        filters = {self.child_of.parent_filter: parent_id} if self.child_of.parent_filter else {}
        listing = replace(self.listing, path=path, filters=filters, account=None)
        return (each for page in listing.every_page() for each in page.records())

    def _record(self, parent: Record, read_at: int, raw: bytes | msgspec.Raw) -> ChildRecord:
        record = with_member(bytes(raw), PARENT_MEMBER, parent.id)
        if self.listing.account is not None:
            record = with_member(record, ACCOUNT_MEMBER, self.listing.account)
        return ChildRecord(read_key(None, raw).id, read_at, record)


class _List(msgspec.Struct):
    data: list[msgspec.Raw]


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(_List)
_NULL = msgspec.Raw(b"null")
