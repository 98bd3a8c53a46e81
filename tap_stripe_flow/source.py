"""Where a stream's records come from: the settings choose the way, the stream's entry says what it takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from stripe_flow.api.errors import Misconfigured, NotFound, PermissionMissing
from stripe_flow.api.spelling import suggestion
from tap_stripe_flow.accounts import SELF, Account, split_ids
from tap_stripe_flow.capture.by_id import ByIdCapture
from tap_stripe_flow.capture.change_feed import EventReader
from tap_stripe_flow.capture.changes import ChangeCapture, Feed
from tap_stripe_flow.capture.children import Children
from tap_stripe_flow.capture.new_objects import NewObjectCapture, Task
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.run import Run
from tap_stripe_flow.settings import CHANGES, FIND
from tap_stripe_flow.streams import STREAMS, ChildOf, StreamSpec
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.state import StateKeeper, StreamState

EVENTS_PATH = "/v1/events"


@dataclass(frozen=True)
class Source:
    """One stream under these settings, which the SDK has checked; knows without a request what it will look like."""

    spec: StreamSpec
    config: Mapping[str, Any]  # Any: JSON

    @property
    def finds(self) -> bool:
        """Whether a setting names the objects one by one, so that there are no windows and no bookmark."""
        find = self.spec.listed.find
        return find is not None and self.config.get(find.mode) == FIND

    @property
    def is_incremental(self) -> bool:
        """Whether a bookmark says how far the list was read, its own or the parents'."""
        return not self.finds and self.spec.listed.stamp is not None

    @property
    def is_of_accounts(self) -> bool:
        """Whether records tell whose they are."""
        return bool(self.config.get("account_ids")) or any(account != SELF for account in self._ids)

    @property
    def expand(self) -> tuple[str, ...]:
        known = self.spec.expandable() if self.spec.child_of is None else ()
        return tuple(name for name in self.config.get("expand") or () if name.partition(".")[0] in known)

    @property
    def is_selected_by_default(self) -> bool:
        """Whoever set a stream's own settings wants it."""
        return self.spec.is_default or (self.spec.find is not None and (not self.finds or bool(self._ids)))

    @cached_property
    def _ids(self) -> Mapping[str, list[str]]:
        find = self.spec.listed.find if self.finds else None
        return split_ids(self.config.get(find.ids) or (), find.ids) if find else {}

    def check(self) -> None:
        """Raises Misconfigured for a selected stream that lacks what it needs."""
        find = self.spec.listed.find
        if find is not None and self.finds and not self._ids:
            raise Misconfigured(
                f"the stream {self.spec.name} is selected, and setting {find.ids} names nothing to find: "
                f"name ids there, set {find.mode} to list for all of them, or deselect the stream"
            )

    def accounts(self, run: Run) -> list[Account]:
        """Whose objects to read. Raises StripeError if `self` must be asked for."""
        if not self.is_of_accounts:
            return [Account()]
        return run.accounts.named(self._ids if self.finds else self.config["account_ids"])

    def batches(
        self, run: Run, account: Account, state: Mapping[str, object], most_ids: int, log: Log
    ) -> Iterator[Batch]:
        """Records and state of one account. Raises StripeError."""
        listing = self.listing(run, account)
        if self.finds:
            ids = self._ids_of(run, account)
            found = ByIdCapture(listing=listing, ids=ids, prefetch=run.prefetch, missing=log.missing).batches()
        elif not self.is_incremental:
            found = (Batch(records=page.found()) for page in listing.every_page())
        else:
            stream_state = StreamState.from_state(state, start=run.span.start or OLDEST, stream=self.spec.name)
            task = Task(
                listing=listing,
                keeper=StateKeeper(stream_state),
                prefetch=run.prefetch,
                span=run.span,
                most_ids=most_ids,
            )
            found = self._captured(task, log)
        return self._children(run, account, self.spec.child_of).of(found) if self.spec.child_of else found

    def listing(self, run: Run, account: Account) -> Listing:
        """Its own list, or the parents'."""
        listed, child_of = self.spec.listed, self.spec.child_of
        shown = (child_of.member,) if child_of and child_of.member and child_of.is_asked_for else ()
        return Listing(
            client=run.client.scoped(account.acts_for),
            path=listed.path,
            filters=listed.always,
            expand=(*self.expand, *shown),
            stamp=listed.stamp,
            account=account.id,
            is_snapshot=listed.is_snapshot,
        )

    def ask(self, run: Run, account: Account) -> None:
        """Ask for one object of all that will be asked for. Raises StripeError."""
        listing = self.listing(run, account)
        listing.ask_for_one()
        if self._follows_events:
            self._events(listing).ask_for_one()

    def is_permitted(self, run: Run) -> bool:
        """Whether the key may read it, in one account at least. Raises StripeError for anything but a missing right."""
        for account in self.accounts(run):
            try:
                self.ask(run, account)
            except PermissionMissing:
                continue
            return True
        return False

    @property
    def _follows_events(self) -> bool:
        return self.is_incremental and self.config["capture"] == CHANGES and bool(self._event_types)

    @property
    def _event_types(self) -> tuple[str, ...]:
        own = (*self.spec.events, *self.spec.deleted_by) if self.spec.child_of else ()
        return (*self.spec.listed.events, *self.spec.listed.deleted_by, *own)

    def _captured(self, task: Task, log: Log) -> Iterator[Batch]:
        if not self._follows_events:
            return NewObjectCapture(task).batches()
        events, gap_days = self._events(task.listing), self.config["events_gap_days"]
        feed = Feed(events=events, reader=self._telling(self.spec.child_of), gap_days=gap_days, warn=log.warn)
        return ChangeCapture(task, feed).batches()

    def _telling(self, child_of: ChildOf | None) -> EventReader:
        spec, listed = self.spec, self.spec.listed
        reader = EventReader(kind=listed.kind, stamp=listed.stamp or "", deleted_by=listed.deleted_by)
        if child_of is None or child_of.named_by is None:
            return reader
        kinds = (spec.kind, *spec.also)
        return replace(
            reader, deleted_by=(*listed.deleted_by, *spec.deleted_by), parts=kinds, named_by=child_of.named_by
        )

    def _children(self, run: Run, account: Account, child_of: ChildOf) -> Children:
        client = run.client.scoped(account.acts_for)
        listing = Listing(client=client, path=self.spec.path, stamp=None, account=account.id)
        return Children(member=child_of.member, listing=listing, by=child_of.by, prefetch=run.prefetch)

    def _events(self, listing: Listing) -> Listing:
        """With a patience of its own: what the events use up, the list must not miss."""
        client = listing.client.scoped()
        return Listing(client=client, path=EVENTS_PATH, filters={"types": self._event_types}, is_snapshot=True)

    def _ids_of(self, run: Run, account: Account) -> list[str]:
        """The key's own account may be named by its id, too."""
        named = (
            ids
            for name, ids in self._ids.items()
            if not self.is_of_accounts or run.accounts.named([name])[0].id == account.id
        )
        return list(dict.fromkeys(itertools.chain.from_iterable(named)))


@dataclass(frozen=True, kw_only=True)
class Log:
    """What a person should be told while a stream is read."""

    warn: Callable[[str], None]
    missing: Callable[[NotFound], None]


def check_expand(config: Mapping[str, Any]) -> None:  # Any: JSON
    """Raises Misconfigured for what no stream can expand."""
    known = frozenset[str]().union(*(spec.expandable() for spec in STREAMS))
    for name in config.get("expand") or ():
        if name.partition(".")[0] not in known:
            near = suggestion(name.partition(".")[0], known)
            raise Misconfigured(f"setting expand names {name!r}, which no stream has{near}: {', '.join(sorted(known))}")
