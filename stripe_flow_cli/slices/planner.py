"""A plan of slices, by Stripe's own pages: whose past, from when to when, and how fast each may be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from stripe_flow.api.connection import Connection
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import rates
from stripe_flow.api.spelling import suggestion
from stripe_flow_cli.slices.plan import Sight, planned
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.run import Run
from tap_stripe_flow.source import Source
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.span import iso

# The key's own account, where the settings name none.
_ONLY = ""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one run of the tap is to read, in the words of its settings.

    `account` is None where the settings name none; `objects` is a guess. `requests_per_second` tells the pace to one
    endpoint that follows: that of the settings, shared among as many slices of the account as may run at once.
    """

    account: str | None
    start_date: str
    end_date: str
    runs_at_once: int
    objects: int
    requests_per_second: float


def orders(run: Run, config: Mapping[str, Any], *, workers: int, slices: int, stream: str) -> list[Order]:  # Any: JSON
    """About so many slices, of which `workers` are read at once. Raises Misconfigured, or StripeError."""
    source = _source(config, stream)
    listings = {account.id or _ONLY: source.listing(run, account) for account in source.accounts(run)}
    window = _range(run, next(iter(listings.values())))
    # Where there are many accounts, the first look at each is what takes time.
    first = dict(
        zip(listings, run.prefetch.in_order(partial(_look, each, window) for each in listings.values()), strict=True)
    )

    def look(account: str, at: Window) -> Sight:
        return first[account] if at == window else _look(listings[account], at)

    found = planned(dict.fromkeys(listings, window), slices, look)
    at_once = {account: min(workers, count) for account, count in Counter(each.account for each in found).items()}
    connection = run.client.connection
    return [
        Order(
            account=each.account or None,
            start_date=iso(each.window.start),
            end_date=iso(each.window.end),
            runs_at_once=at_once[each.account],
            objects=round(each.count),
            requests_per_second=_throttle(config, connection, at_once[each.account]),
        )
        for each in found
    ]


def _source(config: Mapping[str, Any], stream: str) -> Source:  # Any: JSON
    known = {spec.name: spec for spec in STREAMS if spec.child_of is None and spec.stamp is not None}
    if stream not in known:
        near = suggestion(stream, known)
        raise Misconfigured(f"there is no stream {stream!r} that is read by time{near}: {', '.join(sorted(known))}")
    source = Source(known[stream], config)
    if source.finds:
        raise Misconfigured(f"the stream {stream} is read by ids: there is nothing to cut")
    return source


def _range(run: Run, listing: Listing) -> Window:
    """From start_date to end_date, or to where all has become visible. Raises Misconfigured."""
    if run.span.start is None:
        raise Misconfigured("setting start_date is `now`: there is no past to cut into slices")
    now = listing.ask_for_one()
    run.span.check_end(now)
    end = run.span.end or now - run.span.overlap_s
    if run.span.start >= end:
        raise Misconfigured(f"setting start_date is later than all that is settled by Stripe's clock, {iso(end)}")
    return Window(start=run.span.start, end=end)


def _look(listing: Listing, window: Window) -> Sight:
    page = listing.page(window.start, window.end)
    return Sight(created=page.created, has_more=page.has_more)


def _throttle(config: Mapping[str, Any], connection: Connection, runs: int) -> float:  # Any: JSON
    return round(min(rates({**config, "runs_at_once": runs}, connection)), 3)
