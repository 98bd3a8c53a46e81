"""`stripe-flow slices`: a long past as ranges that several runs of the tap read at once."""

from __future__ import annotations

import dataclasses
import json

import click

from stripe_flow_cli.errors import configured, told
from stripe_flow_cli.slices.plan import SLICES_PER_WORKER
from stripe_flow_cli.slices.planner import orders
from tap_stripe_flow.tap import TapStripeFlow


@click.command()
@click.option("--config", multiple=True, metavar="FILE|ENV", help="The tap's settings, as the tap takes them.")
@click.option(
    "--workers", type=click.IntRange(1), default=4, show_default=True, help="How many runs will read at once."
)
@click.option(
    "--slices-per-worker",
    type=click.IntRange(1),
    default=SLICES_PER_WORKER,
    show_default=True,
    help="More of them end more evenly, and each costs the start of a run.",
)
@click.option("--stream", default="charges", show_default=True, help="The stream whose objects are evened out.")
def slices(config: tuple[str, ...], workers: int, slices_per_worker: int, stream: str) -> None:
    """Cut the time from start_date to end_date into slices of about as much work each, for each of account_ids.

    Prints a JSON list of {account, start_date, end_date, runs_at_once, objects, requests_per_second}. Run the tap for
    each with the first four as settings and a state of its own: together they read each object exactly once. The last
    two only tell: how many objects that seems to be, and the pace to an endpoint that follows from the settings.
    """
    with told():
        tap = configured(TapStripeFlow, config)
        found = orders(tap.run, tap.config, workers=workers, slices=workers * slices_per_worker, stream=stream)
        click.echo(json.dumps([dataclasses.asdict(each) for each in found], indent=1))
