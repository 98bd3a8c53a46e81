"""`stripe-flow slices`: print ranges of a long past that several runs of the tap read at the same time."""

from __future__ import annotations

import dataclasses
import json

import click

from stripe_flow_cli.errors import load_plugin, print_errors
from stripe_flow_cli.slices.plan import SLICES_PER_WORKER
from stripe_flow_cli.slices.planner import plan_runs
from tap_stripe_flow.tap import TapStripeFlow


@click.command()
@click.option("--config", multiple=True, metavar="FILE|ENV", help="The tap's settings, as the tap takes them.")
@click.option("--workers", type=click.IntRange(1), default=4, show_default=True, help="Runs that read at once.")
@click.option(
    "--slices-per-worker",
    type=click.IntRange(1),
    default=SLICES_PER_WORKER,
    show_default=True,
    help="More slices end more evenly, but each one costs the start of a run.",
)
@click.option("--stream", default="charges", show_default=True, help="The stream whose objects are divided evenly.")
def slices(config: tuple[str, ...], workers: int, slices_per_worker: int, stream: str) -> None:
    """Cut the time from start_date to end_date into slices of about equal work, for each of account_ids.

    Prints a JSON list of {account, start_date, end_date, runs_at_once, objects, requests_per_second, capture}. Run the
    tap once for each slice, with all but objects and requests_per_second as settings and with its own state: together
    the runs read each object exactly once. `objects` is an estimate. `requests_per_second` are those of one run to one
    endpoint, by the settings. `capture` is always `new`.
    """
    with print_errors():
        tap = load_plugin(TapStripeFlow, config)
        runs = plan_runs(tap.run, tap.config, workers=workers, slices=workers * slices_per_worker, stream=stream)
        click.echo(json.dumps([dataclasses.asdict(run) for run in runs], indent=1))
