"""The source of a stream's records: the settings choose how to read, the stream's spec says what."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from stripe_flow.api.client import Client
from stripe_flow.api.errors import Misconfigured, PermissionMissing, StripeError
from stripe_flow.api.spelling import suggestion
from tap_stripe_flow.accounts import SELF, Account, split_ids
from tap_stripe_flow.capture.by_id import ByIdCapture
from tap_stripe_flow.capture.changes import ChangeCapture, Feed
from tap_stripe_flow.capture.children import ChildReader
from tap_stripe_flow.capture.event_groups import Follower
from tap_stripe_flow.capture.left_out import LeftOutLists
from tap_stripe_flow.capture.new_objects import NewObjectCapture, Task
from tap_stripe_flow.capture.refused_parents import RefusalLog
from tap_stripe_flow.capture.shared_events import EventShare
from tap_stripe_flow.capture.stream_events import event_reader, event_types, list_events
from tap_stripe_flow.capture.whole_again import WholeAgainCapture
from tap_stripe_flow.failures import StreamMisconfigured
from tap_stripe_flow.listing.nested_reads import NestedReads
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.refusals import is_of_one_object
from tap_stripe_flow.listing.shared_pages import SharedReader
from tap_stripe_flow.reading import Log, Reading
from tap_stripe_flow.run import Run
from tap_stripe_flow.settings import CHANGES, FIND
from tap_stripe_flow.streams import STREAMS, ChildOf, StreamSpec
from tap_stripe_flow.streams.order import NEWEST_FIRST
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.state import StateKeeper, StreamState


@dataclass(frozen=True)
class Source:
    """One stream under valid settings. Its properties need no request."""

    spec: StreamSpec
    config: Mapping[str, Any]  # Any: JSON

    @property
    def reads_by_id(self) -> bool:
        """Whether the stream reads the objects whose ids a setting holds; then it has no windows and no bookmark."""
        by_id = self.spec.listed.by_id
        return by_id is not None and self.config.get(by_id.mode_setting) == FIND

    @property
    def is_incremental(self) -> bool:
        """Whether the stream has a bookmark: how far its list was read, or that of its parents."""
        return not self.reads_by_id and self.spec.listed.stamp is not None

    @property
    def has_account_member(self) -> bool:
        """Whether records have the member `_stripe_account`, because the settings name accounts."""
        return bool(self.config.get("account_ids")) or any(account != SELF for account in self._ids)

    @property
    def expand(self) -> tuple[str, ...]:
        """The names of the setting `expand` that this stream has."""
        names = self.config.get("expand") or ()
        known = self.spec.expandable() if names and self.spec.child_of is None else ()
        return tuple(name for name in names if name.partition(".")[0] in known)

    @property
    def schema_settings(self) -> Mapping[str, object]:
        """The settings on which the stream's entry in a catalog depends, as JSON."""
        names = {name.rstrip(".") for name in self.expand}
        # Stripe expands the objects on the way to a named one, too.
        expand = sorted(name for name in names if not any(other.startswith(f"{name}.") for other in names))
        by_id = self.spec.listed.by_id
        mode = {by_id.mode_setting: self.config.get(by_id.mode_setting)} if by_id else {}
        return {"account_ids": self.has_account_member, "expand": expand, **mode}

    @property
    def is_selected_by_default(self) -> bool:
        """Whether a run without a catalog reads the stream: a default stream, or one whose own settings are set."""
        return self.spec.is_default or (self.spec.by_id is not None and (not self.reads_by_id or bool(self._ids)))

    @cached_property
    def _ids(self) -> Mapping[str, list[str]]:
        by_id = self.spec.listed.by_id if self.reads_by_id else None
        return split_ids(self.config.get(by_id.ids_setting) or (), by_id.ids_setting) if by_id else {}

    def check(self) -> None:
        """Raise StreamMisconfigured if the selected stream reads by id, and its setting holds no id."""
        by_id = self.spec.listed.by_id
        if by_id is not None and self.reads_by_id and not self._ids:
            raise StreamMisconfigured(
                f"the stream {self.spec.name} is selected, but setting {by_id.ids_setting} is empty: "
                f"add ids to it, set {by_id.mode_setting} to list to read all of them, or deselect the stream"
            )

    def accounts(self, run: Run) -> list[Account]:
        """The accounts to read. Raises Misconfigured, or StripeError if `self` or `all` cannot be read."""
        if not self.has_account_member:
            return [Account()]
        return run.accounts.named(self._ids) if self.reads_by_id else run.accounts.chosen(self.config["account_ids"])

    def batches(self, run: Run, reading: Reading) -> Iterator[Batch]:
        """Records and state of one account. Raises StripeError, Misconfigured or UnusableState."""
        try:
            yield from self._batches(run, reading)
        finally:  # also if nothing of `capture.changes` was begun
            run.shared_events.share(self.spec.name, reading.account.id).leave()

    def _batches(self, run: Run, reading: Reading) -> Iterator[Batch]:
        errors: dict[str, StripeError] = {}
        account, log = reading.account, reading.log
        members = run.shared_lists.get(self.spec.name)
        shared = SharedReader(run.shared_pages, self.spec.name, members) if members else None
        nested = NestedReads(prefetch=run.prefetch, shared=shared)
        listing = replace(self.listing(reading.client, account), left_out=errors, nested=nested)
        state = StreamState.from_state(reading.state, start=run.span.start or OLDEST, stream=self.spec.name)
        keeper = StateKeeper(state)
        if self.reads_by_id:
            ids = self._ids_of(run, account)
            batches = ByIdCapture(listing=listing, ids=ids, prefetch=run.prefetch, on_missing=log.missing).batches()
        elif not self.is_incremental:
            batches = (Batch(records=page.records()) for page in listing.every_page())
        else:
            task = Task(
                listing=listing,
                keeper=keeper,
                prefetch=run.prefetch,
                span=run.span,
                ids=run.ids,
                partition=(self.spec.name, account.id),
            )
            batches = self._capture(task, log, run.shared_events.share(self.spec.name, account.id))
        refusals = RefusalLog(refused=log.refused, warn=log.warn)
        if self.spec.child_of:
            return self._child_reader(run, listing, self.spec.child_of, keeper, refusals).batches(batches)
        return LeftOutLists(
            listing=listing,
            errors=errors,
            prefetch=run.prefetch,
            keeper=keeper,
            log=refusals,
            is_bookmarked=self.is_incremental,
        ).batches(batches)

    def listing(self, client: Client, account: Account) -> Listing:
        """The stream's own list in this account, or that of its parents; `client` is scoped to the account."""
        listed, child_of = self.spec.listed, self.spec.child_of
        expand = (child_of.list_member,) if child_of and child_of.list_member and child_of.needs_expand else ()
        return Listing(
            client=client,
            path=listed.path,
            filters=listed.filters,
            expand=(*self.expand, *expand),
            stamp=listed.stamp,
            is_newest_first=listed.path in NEWEST_FIRST,
            kept_days=listed.kept_days,
            account=account.id,
            is_snapshot=listed.is_snapshot or child_of is not None,
        )

    def ask(self, run: Run, account: Account) -> None:
        """Request one object of the list, and one event if the stream reads events. Raises StripeError."""
        listing = self.listing(run.client.scoped(account.stripe_account), account)
        listing.ask_for_one()
        if self._follows_events:
            list_events(listing, event_types(self.spec)).ask_for_one()

    def is_permitted(self, run: Run) -> bool:
        """Whether no permission lacks in some account. Raises StripeError for what is not about this list alone."""
        for account in self.accounts(run):
            try:
                self.ask(run, account)
            except PermissionMissing:
                continue
            except StripeError as error:
                if not is_of_one_object(error):
                    raise
            return True
        return False

    @property
    def _follows_events(self) -> bool:
        return self.is_incremental and self.config["capture"] == CHANGES and bool(event_types(self.spec))

    def follower(self, account: Account, state: Mapping[str, object]) -> Follower | None:
        """How the stream reads the events of an account, by its state at the start of the run; None: it reads none.

        Also None where it must find out first which events it needs. Raises UnusableState.
        """
        stream_state = StreamState.from_state(state, start=OLDEST, stream=self.spec.name)
        events = stream_state.events
        if not self._follows_events or (events is None and stream_state.listed is not None):
            return None
        since = None if events is None else events.reread_from
        types = frozenset(event_types(self.spec))
        return Follower(stream=self.spec.name, account=account.id, types=types, since=since)

    def _capture(self, task: Task, log: Log, share: EventShare) -> Iterator[Batch]:
        if not self._follows_events:
            after_h = self.config["reread_after_h"] if self.spec.listed.is_reread else 0
            is_reread = after_h > 0 and self.config["capture"] == CHANGES
            return (WholeAgainCapture(task, after_h) if is_reread else NewObjectCapture(task)).batches()
        child_of = self.spec.child_of
        feed = Feed(
            events=list_events(task.listing, types := event_types(self.spec)),
            types=frozenset(types),
            share=share,
            reader=event_reader(self.spec),
            gap_days=self.config["events_gap_days"],
            warn=log.warn,
            list_hides=self.spec.listed.list_hides,
            list_member=child_of.list_member if child_of else None,
        )
        return ChangeCapture(task, feed).batches()

    def _child_reader(
        self, run: Run, parents: Listing, child_of: ChildOf, keeper: StateKeeper, log: RefusalLog
    ) -> ChildReader:
        listing = Listing(client=parents.client.scoped(), path=self.spec.path, stamp=None, account=parents.account)
        return ChildReader(
            child_of=child_of,
            listing=listing,
            parents=parents,
            prefetch=run.prefetch,
            keeper=keeper,
            log=log,
            is_bookmarked=self.is_incremental,
        )

    def _ids_of(self, run: Run, account: Account) -> list[str]:
        if not self.has_account_member:
            return self._ids.get(SELF, [])
        # The setting may name the key's own account as `self`, by its id, or both.
        names = [name for name in (SELF, account.id or "") if name in self._ids]
        of_account = (self._ids[name] for name in names if run.accounts.named([name])[0].id == account.id)
        return list(dict.fromkeys(itertools.chain.from_iterable(of_account)))


def check_expand(config: Mapping[str, Any]) -> None:  # Any: JSON
    """Raise Misconfigured if the setting `expand` has a name that no stream can expand."""
    known = frozenset[str]().union(*(spec.expandable() for spec in STREAMS))
    for name in config.get("expand") or ():
        if name.partition(".")[0] not in known:
            hint = suggestion(name.partition(".")[0], known)
            raise Misconfigured(f"setting expand names {name!r}, which no stream has{hint}: {', '.join(sorted(known))}")
