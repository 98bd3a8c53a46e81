"""Refills a lost journal from the markers of the objects in Stripe's lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from stripe_flow.api.client import Client
from stripe_flow.api.errors import ListUnfinished, PermissionMissing, RequestRefused
from stripe_flow.api.paging import Bounds
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.attempts.lifecycle import Ages, State, next_step
from target_stripe_flow.execution.object_lists import ListedObject, list_clocks, list_objects, views_of
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.recovery.marker_scan import Span

# Rows that are written in one transaction.
BATCH = 1000
_MARKER = re.compile(r"([0-9a-f]{32}):([1-9][0-9]{0,8})(?::([1-9][0-9]{0,8}))?")


@dataclass(kw_only=True)
class Rebuilt:
    """The number of objects seen at Stripe, of those with our marker, and of rows that are new in the journal.

    `of_intents`: of those with our marker, how many a PaymentIntent made. `gaps` says which lists could not be read
    whole, and why: objects may then be without a row.
    """

    seen: int = 0
    ours: int = 0
    new: int = 0
    of_intents: int = 0
    gaps: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether every object with our marker has a row now."""
        return not self.gaps


def rebuild(
    client: Client,
    journal: Journal,
    scope: Scope,
    *,
    action: str,
    endpoint: Endpoint,
    span: Span,
    on_progress: Callable[[Rebuilt], None],
) -> Rebuilt:
    """Add a row for each object in `span` that carries a marker, if the journal has none. Raises StripeError.

    Objects on test clocks are read whatever their `created`, which is the clock's time. A list that was not read whole
    is in the result's `gaps`. The marker does not contain the source key, the source name or the fingerprint: they stay
    unknown until the record is read again. `on_progress` is called after each batch of rows.
    """
    done = Rebuilt()
    batch: list[Attempt] = []
    for item in _every_object(client, endpoint, scope, span, done.gaps):
        done.seen += 1
        rows = as_attempts(item, scope, action, endpoint)
        done.ours += bool(rows)
        done.of_intents += bool(rows and item.payment_intent)
        batch += rows
        if len(batch) >= BATCH:
            done.new += journal.add(batch)
            batch.clear()
            on_progress(done)
    done.new += journal.add(batch)
    return done


def _every_object(
    client: Client, endpoint: Endpoint, scope: Scope, span: Span, gaps: list[str]
) -> Iterator[ListedObject]:
    """The objects of every view of the list, each once; appends to `gaps` what could not be read."""
    views, seen = views_of(endpoint, _every_clock(client, endpoint, scope, gaps)), set[str]()
    for view in views:
        try:
            for item in list_objects(client, endpoint, view, Bounds(since=span.first, until=span.last)):
                if item.id not in seen:
                    yield item
                # Only views that overlap can show an object twice.
                if len(endpoint.list_filters) > 1:
                    seen.add(item.id)
        except (RequestRefused, ListUnfinished) as error:
            gaps.append(str(error))


def _every_clock(client: Client, endpoint: Endpoint, scope: Scope, gaps: list[str]) -> list[str]:
    """The test clocks that can hold objects of this endpoint; live mode has none."""
    clocks: list[str] = []
    if endpoint.clock_parameter is None or scope.mode != "test":
        return clocks
    try:
        clocks.extend(list_clocks(client))
    except (PermissionMissing, RequestRefused, ListUnfinished) as error:
        gaps.append(f"the test clocks, whose objects are in no other list, could not be read: {error}")
    return clocks


def as_attempts(item: ListedObject, scope: Scope, action: str, endpoint: Endpoint) -> list[Attempt]:
    """The rows of an object: of the attempt that created it and, if its marker names one, of its last update (pure).

    Empty for an object without our marker. A pending object gets an open row, which the next run checks.
    """
    marker = _MARKER.fullmatch(item.marker)
    if marker is None:
        return []
    made = item.made_at(endpoint)
    state, _ = next_step(State.UNKNOWN, made.event, Ages(key_s=0, quiet_s=0), moves_money=True)
    origin = Attempt(
        digest=marker[1],
        attempt=int(marker[2]),
        account=scope.account,
        mode=scope.mode,
        action=action,
        path=endpoint.path,
        state=state,
        stripe_id=made.stripe_id,
        payment_intent=made.payment_intent,
        amount=made.money.amount,
        currency=made.money.currency,
        first_sent_unix=item.created_unix or 0,
        last_sent_unix=item.created_unix or 0,
        settled_unix=item.created_unix or 0,
        reason="rebuilt from its marker at Stripe",
    )
    if marker[3] is None:
        return [origin]
    return [origin, replace(origin, revision=int(marker[3]), state=State.UPDATED)]
