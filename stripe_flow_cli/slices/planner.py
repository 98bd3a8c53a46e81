"""Plan slices from pages that Stripe returns: the account, the range and the request rate of each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import rates
from stripe_flow.api.spelling import suggestion
from stripe_flow_cli.slices.plan import Sample, Slice, plan_slices
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.run import Run
from tap_stripe_flow.settings import NEW
from tap_stripe_flow.source import Source
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.span import iso

# Stands for the key's own account where the settings name none.
_OWN_ACCOUNT = ""

Config = Mapping[str, Any]  # Any: settings that the schema has checked


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """The settings of one run of the tap; the command prints its members as JSON.

    `account` is None where the settings name none; `objects` is an estimate. `requests_per_second` is the limit of the
    settings for one endpoint, divided among the slices of the account that run at once. `capture` is `new` whatever the
    settings say: a slice is read once, and changes are for the schedule's runs.
    """

    account: str | None
    start_date: str
    end_date: str
    runs_at_once: int
    objects: int
    requests_per_second: float
    capture: str = NEW


def plan_runs(run: Run, config: Config, *, workers: int, slices: int, stream: str) -> list[PlannedRun]:
    """About `slices` runs, of which `workers` read at once. Raises Misconfigured, or StripeError."""
    source = _open_source(config, stream)
    listings = {
        account.id or _OWN_ACCOUNT: source.listing(run.client.scoped(account.stripe_account), account)
        for account in source.accounts(run)
    }
    window = _full_range(run, next(iter(listings.values())))
    # With many accounts most of the time goes into the first sample of each.
    samples = run.prefetch.in_order(partial(_sample, listing, window) for listing in listings.values())
    first = dict(zip(listings, samples, strict=True))

    def sample(account: str, part: Window) -> Sample:
        return first[account] if part == window else _sample(listings[account], part)

    planned = plan_slices(dict.fromkeys(listings, window), slices, sample)
    counts = Counter(piece.account for piece in planned)
    return [_planned_run(run, config, piece, min(workers, counts[piece.account])) for piece in planned]


def _planned_run(run: Run, config: Config, piece: Slice, runs_at_once: int) -> PlannedRun:
    per_second = min(rates({**config, "runs_at_once": runs_at_once}, run.client.connection))
    return PlannedRun(
        account=piece.account or None,
        start_date=iso(piece.window.start),
        end_date=iso(piece.window.end),
        runs_at_once=runs_at_once,
        objects=round(piece.count),
        requests_per_second=round(per_second, 3),
    )


def _open_source(config: Config, stream: str) -> Source:
    known = {spec.name: spec for spec in STREAMS if spec.child_of is None and spec.stamp is not None}
    if stream not in known:
        near = suggestion(stream, known)
        raise Misconfigured(f"there is no stream {stream!r} that is read by time{near}: {', '.join(sorted(known))}")
    source = Source(known[stream], config)
    if source.reads_by_id:
        raise Misconfigured(f"the stream {stream} is read by ids, so its time cannot be cut into slices")
    return source


def _full_range(run: Run, listing: Listing) -> Window:
    """From start_date to end_date, or to the newest settled time. Raises Misconfigured."""
    if run.span.start is None:
        raise Misconfigured("setting start_date is `now`: there is no past to cut into slices")
    now = listing.ask_for_one()
    run.span.check_end(now)
    end = run.span.end or now - run.span.overlap_s
    if run.span.start >= end:
        raise Misconfigured(f"setting start_date is later than the last settled second, {iso(end)} by Stripe's clock")
    return Window(start=run.span.start, end=end)


def _sample(listing: Listing, window: Window) -> Sample:
    page = listing.page(window.start, window.end)
    return Sample(created=page.created, has_more=page.has_more)
