"""Refilling a lost journal from the markers in Stripe's lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from stripe_flow.api.client import Client
from target_stripe_flow.actions import ActionSpec
from target_stripe_flow.identity import Scope
from target_stripe_flow.journal.attempt import Attempt
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.lifecycle import State
from target_stripe_flow.looking import Listed, Span, listed

# So many rows are written at once.
BATCH = 1000
_MARKER = re.compile(r"([0-9a-f]{32}):([1-9][0-9]{0,8})")


@dataclass(kw_only=True)
class Rebuilt:
    """What was seen at Stripe, how much of it was ours, and how many rows the journal did not have."""

    seen: int = 0
    ours: int = 0
    new: int = 0


def rebuild(
    client: Client, journal: Journal, scope: Scope, spec: ActionSpec, span: Span, *, tell: Callable[[Rebuilt], None]
) -> Rebuilt:
    """A row for each object in `span` that carries a marker, where the journal has none. Raises StripeError.

    What the marker does not tell stays unknown until the record comes again: its key, its source and its fingerprint.
    """
    done = Rebuilt()
    found: list[Attempt] = []
    for each in listed(client, spec.path, span):
        done.seen += 1
        attempt = as_attempt(each, scope, spec)
        if attempt is not None:
            done.ours += 1
            found.append(attempt)
        if len(found) >= BATCH:
            done.new += journal.add(found)
            found.clear()
            tell(done)
    done.new += journal.add(found)
    return done


def as_attempt(made: Listed, scope: Scope, spec: ActionSpec) -> Attempt | None:
    """The row of an object, None if it carries no marker of ours (pure)."""
    marker = _MARKER.fullmatch(made.marker)
    if marker is None:
        return None
    return Attempt(
        digest=marker[1],
        attempt=int(marker[2]),
        account=scope.account,
        mode=scope.mode,
        action=spec.name,
        state=State.DECLINED if made.status in spec.failed else State.CREATED,
        stripe_id=made.id,
        first_sent_unix=made.created,
        last_sent_unix=made.created,
        settled_unix=made.created,
        reason="rebuilt from its marker at Stripe",
    )
