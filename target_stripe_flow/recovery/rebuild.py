"""Refilling a lost journal from the markers in Stripe's lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from stripe_flow.api.client import Client
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.attempts.lifecycle import Ages, State, next_step
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.recovery.marker_scan import Listed, Span, listed

# So many rows are written at once.
BATCH = 1000
_MARKER = re.compile(r"([0-9a-f]{32}):([1-9][0-9]{0,8})(?::([1-9][0-9]{0,8}))?")


@dataclass(kw_only=True)
class Rebuilt:
    """What was seen at Stripe, how much of it was ours, and how many rows the journal did not have."""

    seen: int = 0
    ours: int = 0
    new: int = 0


def rebuild(
    client: Client,
    journal: Journal,
    scope: Scope,
    *,
    action: str,
    endpoint: Endpoint,
    span: Span,
    tell: Callable[[Rebuilt], None],
) -> Rebuilt:
    """A row for each object in `span` that carries a marker, where the journal has none. Raises StripeError.

    What the marker does not tell stays unknown until the record comes again: its key, its source and its fingerprint.
    """
    done = Rebuilt()
    found: list[Attempt] = []
    for each in listed(client, endpoint.path, span):
        done.seen += 1
        rows = as_attempts(each, scope, action, endpoint)
        done.ours += bool(rows)
        found += rows
        if len(found) >= BATCH:
            done.new += journal.add(found)
            found.clear()
            tell(done)
    done.new += journal.add(found)
    return done


def as_attempts(found: Listed, scope: Scope, action: str, endpoint: Endpoint) -> list[Attempt]:
    """The rows of an object: of the attempt that made it and, if there was one, of its last update (pure).

    None where it carries no marker of ours. One that is not over is open: the next run looks at it.
    """
    marker = _MARKER.fullmatch(found.marker)
    if marker is None:
        return []
    made = found.made_at(endpoint)
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
        first_sent_unix=found.created,
        last_sent_unix=found.created,
        settled_unix=found.created,
        reason="rebuilt from its marker at Stripe",
    )
    if marker[3] is None:
        return [origin]
    return [origin, replace(origin, revision=int(marker[3]), state=State.UPDATED)]
