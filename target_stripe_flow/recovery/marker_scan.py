"""Looking for what may have been made: the lists of Stripe, compared by the marker in `metadata`.

Never a search: Stripe's index lags, up to an hour (https://docs.stripe.com/search). A list is what there is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound, PermissionMissing, RequestRefused
from target_stripe_flow.actions.endpoint import Endpoint, Made
from target_stripe_flow.actions.money import money_of
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import MARKER

logger = logging.getLogger(__name__)

# What was sent may have been stamped a little before, by another clock at Stripe, or a good while after.
BEFORE_S = 5 * 60
AFTER_S = 60 * 60
PAGE = 100
# Objects deleted under our eyes, between two pages: so often is a page asked for anew, then the look counts as cut.
MOST_RESTARTS = 20


class Listed(msgspec.Struct):
    """Of an object in a list, what a look needs."""

    id: str
    created: int = 0  # what is left of a deleted object has none
    metadata: dict[str, str] | None = None
    status: str | None = None
    latest_charge: str | None = None
    deleted: bool = False
    amount: int | None = None
    currency: str | None = None

    @property
    def marker(self) -> str:
        return (self.metadata or {}).get(MARKER, "")

    @property
    def origin(self) -> str:
        """The marker of the attempt that made it, whatever has updated it since."""
        return ":".join(self.marker.split(":")[:2])

    def made_at(self, endpoint: Endpoint) -> Made:
        money = money_of({"amount": self.amount, "currency": self.currency})
        return endpoint.made(self.id, self.status, self.latest_charge, money)


class _Page(msgspec.Struct):
    data: list[Listed]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What was seen, by marker; what is not among it is absent only if the look `is_whole`."""

    seen: Mapping[str, Listed]
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class Span:
    """Unix seconds of `created`, both included."""

    first: int
    last: int


def look(client: Client, path: str, attempts: Iterable[Attempt]) -> Scan:
    """Go through every page of this list that could hold an object of these attempts. Raises AccountTrouble.

    A key that may not list leaves a look that is not whole; the log names the right.
    """
    wanted = {attempt.origin for attempt in attempts}
    seen: dict[str, Listed] = {}
    try:
        for span in spans(attempts):
            for found in listed(client, path, span):
                if found.origin in wanted:
                    seen[found.origin] = found
    except PermissionMissing as error:
        logger.warning("what may have happened cannot be looked for: %s", error)
    except RequestRefused as error:
        logger.warning("the look at %s was cut off: %s", path, error)
    else:
        return Scan(seen=seen, is_whole=True)
    return Scan(seen=seen, is_whole=False)


def look_at(client: Client, updates: Iterable[Attempt]) -> Scan:
    """The objects of these updates, one by one: few are ever open. What was deleted since is absent."""
    seen: dict[str, Listed] = {}
    is_whole = True
    for update in updates:
        try:
            found = client.get(str(update.path), read=_read_one).value
        except NotFound:
            continue
        except (PermissionMissing, RequestRefused) as error:
            logger.warning("whether %s was updated cannot be looked at: %s", update.name, error)
            is_whole = False
            continue
        if found.marker == update.marker:
            seen[update.marker] = found
    return Scan(seen=seen, is_whole=is_whole)


def spans(attempts: Iterable[Attempt]) -> list[Span]:
    """Where the objects of these attempts can lie, newest first, without overlaps (pure)."""
    wanted = sorted(
        ((attempt.first_sent_unix or 0) - BEFORE_S, (attempt.last_sent_unix or 0) + AFTER_S) for attempt in attempts
    )
    merged: list[tuple[int, int]] = []
    for first, last in wanted:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return [Span(first=first, last=last) for first, last in reversed(merged)]


def listed(client: Client, path: str, span: Span) -> Iterator[Listed]:
    """Every object that was created in the span, newest first; some twice, where one was deleted meanwhile."""
    until, after, restarts = span.last, "", 0
    while True:
        asked: dict[str, object] = {"limit": PAGE, "created": {"gte": span.first, "lte": until}}
        if after:
            asked["starting_after"] = after
        try:
            page = client.get(path, asked, read=_read_page).value
        except (NotFound, RequestRefused):
            # The object that the cursor names was deleted: go on from its second of time.
            restarts += 1
            if not after or restarts > MOST_RESTARTS:
                raise
            after = ""
            continue
        yield from page.data
        if not page.has_more or not page.data:
            return
        after, until = page.data[-1].id, page.data[-1].created


def _read_one(body: bytes) -> Listed:
    return msgspec.json.decode(body, type=Listed)


def _read_page(body: bytes) -> _Page:
    return msgspec.json.decode(body, type=_Page)
