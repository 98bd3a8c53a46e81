"""Scans Stripe's lists for objects that carry the markers of open attempts in `metadata`.

It never uses Stripe's search, whose index may be an hour behind (https://docs.stripe.com/search).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from stripe_flow.api.client import Client
from stripe_flow.api.errors import ListUnfinished, NotFound, PermissionMissing, RequestRefused, StripeUnreachable
from stripe_flow.api.paging import Bounds
from stripe_flow.api.paths import object_path
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.execution.object_lists import (
    ListedObject,
    View,
    clock_in,
    list_clocks,
    list_objects,
    read_object,
    views_of,
)

logger = logging.getLogger(__name__)

# How far `created` may lie before the first send (Stripe's clocks differ) and after the last one (slow requests).
BEFORE_S = 5 * 60
AFTER_S = 60 * 60


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


def scan_for_markers(client: Client, endpoint: Endpoint, attempts: Collection[Attempt]) -> Scan:
    """The objects of these attempts, from every page of the endpoint's list that can hold one. Raises AccountTrouble.

    It asks for what the list hides too: objects that are not active, and those on the test clocks that the attempts
    name. If the key may not read a list, or a list is unfinished, the scan is incomplete, and the log says why.
    """
    found: dict[str, ListedObject] = {}
    is_complete = True
    clocks, knows_clocks = _clocks_of(client, endpoint, attempts)
    for view in views_of(endpoint, clocks):
        is_complete &= _scan_view(client, endpoint, view, attempts, found)
    return Scan(found=found, is_complete=is_complete and knows_clocks)


def _scan_view(
    client: Client, endpoint: Endpoint, view: View, attempts: Collection[Attempt], found: dict[str, ListedObject]
) -> bool:
    """Add the objects of these attempts to `found`; False if the view could not be read whole."""
    wanted = {attempt.origin for attempt in attempts}
    try:
        for span in merge_spans(attempts) if view.has_times else [None]:
            bounds = None if span is None else Bounds(since=span.first, until=span.last)
            for item in list_objects(client, endpoint, view, bounds):
                if item.origin in wanted:
                    found[item.origin] = item
    except PermissionMissing as error:
        logger.warning("the key cannot scan %s for open attempts: %s", endpoint.path, error)
    except (RequestRefused, ListUnfinished, StripeUnreachable) as error:
        logger.warning("the scan of %s for open attempts is incomplete: %s", endpoint.path, error)
    else:
        return True
    return False


def _clocks_of(client: Client, endpoint: Endpoint, attempts: Iterable[Attempt]) -> tuple[list[str], bool]:
    """The test clocks that can hold objects of these attempts, and whether these are all.

    An attempt whose request is not stored may have named any clock of the account.
    """
    bodies = [attempt.body for attempt in attempts if attempt.mode == "test" and endpoint.clock_parameter is not None]
    named = {clock for body in bodies if body is not None and (clock := clock_in(body, endpoint))}
    if None not in bodies:
        return sorted(named), True
    try:
        return sorted(named | set(list_clocks(client))), True
    except (PermissionMissing, RequestRefused, ListUnfinished, StripeUnreachable) as error:
        logger.warning("the scan of %s is incomplete without the account's test clocks: %s", endpoint.path, error)
        return sorted(named), False


def check_updates(client: Client, updates: Iterable[Attempt]) -> Scan:
    """The objects that carry the markers of these updates, read one by one: few are ever open at once.

    A deleted object is absent. If the key may not read an object, the scan is incomplete. Raises AccountTrouble.
    """
    found: dict[str, ListedObject] = {}
    is_complete = True
    for update in updates:
        try:
            item = client.get(str(update.path), read=read_object).value
        except NotFound:
            continue
        except (PermissionMissing, RequestRefused, StripeUnreachable) as error:
            logger.warning("cannot check whether %s was updated: %s", update.name, error)
            is_complete = False
            continue
        if item.marker == update.marker:
            found[update.marker] = item
    return Scan(found=found, is_complete=is_complete)


def read_by_id(client: Client, endpoint: Endpoint, attempts: Iterable[Attempt]) -> Scan:
    """The objects of these attempts, whose ids are known: one read each, whatever the lists show.

    An object that cannot be read is not absent: the scan is then incomplete. Raises AccountTrouble.
    """
    found: dict[str, ListedObject] = {}
    is_complete = True
    for attempt in attempts:
        object_id = str(endpoint.object_id(attempt.stripe_id, attempt.payment_intent))
        try:
            found[attempt.marker] = client.get(object_path(endpoint.path, object_id), read=read_object).value
        except (PermissionMissing, RequestRefused, StripeUnreachable, ValueError) as error:
            logger.warning("cannot check an object of %s that was not over: %s", attempt.action, error)
            is_complete = False
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
