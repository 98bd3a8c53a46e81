"""Scans Stripe's lists for objects that carry the markers of open attempts in `metadata`.

It never uses Stripe's search, whose index may be an hour behind (https://docs.stripe.com/search).
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

# How far `created` may lie before the first send (Stripe's clocks differ) and after the last one (slow requests).
BEFORE_S = 5 * 60
AFTER_S = 60 * 60
PAGE = 100
# If the object at the cursor is deleted between two pages, the page is read again; after so many times the scan ends as
# incomplete.
MOST_RESTARTS = 20


class ListedObject(msgspec.Struct):
    """The members of an object in a list that a scan reads."""

    id: str
    created: int = 0  # missing in a deleted object
    metadata: dict[str, str] | None = None
    status: str | None = None
    latest_charge: str | None = None
    deleted: bool = False
    amount: int | None = None
    currency: str | None = None

    @property
    def marker(self) -> str:
        """The marker in its metadata, empty if it has none."""
        return (self.metadata or {}).get(MARKER, "")

    @property
    def origin(self) -> str:
        """The marker of the attempt that created it, without the revision of a later update."""
        return ":".join(self.marker.split(":")[:2])

    def made_at(self, endpoint: Endpoint) -> Made:
        """What the object says about the attempt that created it at `endpoint`."""
        money = money_of({"amount": self.amount, "currency": self.currency})
        return endpoint.made(self.id, self.status, self.latest_charge, money)


class _Page(msgspec.Struct):
    data: list[ListedObject]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The objects that were found, by marker. An object that is not in it is absent only if the scan `is_complete`."""

    found: Mapping[str, ListedObject]
    is_complete: bool


@dataclass(frozen=True, kw_only=True)
class Span:
    """A range of `created`: Unix seconds, both ends included."""

    first: int
    last: int


def scan_for_markers(client: Client, path: str, attempts: Iterable[Attempt]) -> Scan:
    """The objects of these attempts, from every page of the list `path` that can hold one. Raises AccountTrouble.

    If the key may not read the list, the scan is incomplete, and the log names the missing permission.
    """
    wanted = {attempt.origin for attempt in attempts}
    found: dict[str, ListedObject] = {}
    try:
        for span in merge_spans(attempts):
            for item in list_objects(client, path, span):
                if item.origin in wanted:
                    found[item.origin] = item
    except PermissionMissing as error:
        logger.warning("the key cannot scan %s for open attempts: %s", path, error)
    except RequestRefused as error:
        logger.warning("the scan of %s for open attempts is incomplete: %s", path, error)
    else:
        return Scan(found=found, is_complete=True)
    return Scan(found=found, is_complete=False)


def check_updates(client: Client, updates: Iterable[Attempt]) -> Scan:
    """The objects that carry the markers of these updates, read one by one: few are ever open at once.

    A deleted object is absent. If the key may not read an object, the scan is incomplete. Raises AccountTrouble.
    """
    found: dict[str, ListedObject] = {}
    is_complete = True
    for update in updates:
        try:
            item = client.get(str(update.path), read=_read_object).value
        except NotFound:
            continue
        except (PermissionMissing, RequestRefused) as error:
            logger.warning("cannot check whether %s was updated: %s", update.name, error)
            is_complete = False
            continue
        if item.marker == update.marker:
            found[update.marker] = item
    return Scan(found=found, is_complete=is_complete)


def merge_spans(attempts: Iterable[Attempt]) -> list[Span]:
    """The ranges of `created` that can hold objects of these attempts, newest first, without overlaps (pure)."""
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


def list_objects(client: Client, path: str, span: Span) -> Iterator[ListedObject]:
    """Every object of the list that was created in the span, newest first.

    Objects of one second may be repeated if the object at the cursor was deleted meanwhile. Raises StripeError.
    """
    until, after, restarts = span.last, "", 0
    while True:
        query: dict[str, object] = {"limit": PAGE, "created": {"gte": span.first, "lte": until}}
        if after:
            query["starting_after"] = after
        try:
            page = client.get(path, query, read=_read_page).value
        except (NotFound, RequestRefused):
            # The object at the cursor was deleted: continue from the second in which it was created.
            restarts += 1
            if not after or restarts > MOST_RESTARTS:
                raise
            after = ""
            continue
        yield from page.data
        if not page.has_more or not page.data:
            return
        after, until = page.data[-1].id, page.data[-1].created


def _read_object(body: bytes) -> ListedObject:
    return msgspec.json.decode(body, type=ListedObject)


def _read_page(body: bytes) -> _Page:
    return msgspec.json.decode(body, type=_Page)
