"""The commands that ask Stripe: settle what is open, and refill a lost journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal import context
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.recovery.marker_scan import AFTER_S, Span
from target_stripe_flow.recovery.rebuild import Rebuilt
from target_stripe_flow.recovery.rebuild import rebuild as rebuild_action
from target_stripe_flow.run import Run

# The beginning of Unix time: Stripe is younger.
EVER = 0


@click.command()
@with_context
def reconcile(found: JournalContext) -> None:
    """Settle what is open, as each run does first: resend, look, or leave it to a person. Exit code 3: some is left."""
    with _running(found) as run:
        run.reconcile()
        left = run.journal.open_attempts(run.scope.account, run.scope.mode)
        for row in left:
            context.say(row, found)
        click.echo(f"{len(left) or 'nothing'} left open", err=True)
        code = run.exit_code()
    raise SystemExit(code)


@click.command()
@click.option("--since", metavar="ISO8601", help="Only objects created from then on. Default: all.")
@with_context
def rebuild(found: JournalContext, since: str | None) -> None:
    """Refill a lost journal from the markers of the objects at Stripe. What is in the journal stays as it is."""
    first = _unix(since)
    with _running(found) as run:
        span = Span(first=first, last=int(run.stripe_now_unix()) + AFTER_S)
        for spec in ACTIONS.values():
            # A PaymentIntent's charge carries the same marker, and the intent knows more.
            for name, way in reversed(list(spec.ways.items())):

                def tell(so_far: Rebuilt, name: str = name) -> None:
                    click.echo(f"{name}: {so_far.seen} seen, {so_far.new} new ...", err=True)

                done = rebuild_action(
                    run.client, run.journal, run.scope, action=spec.name, endpoint=way, span=span, tell=tell
                )
                _say(name, done, as_json=found.as_json)


def _say(name: str, done: Rebuilt, *, as_json: bool) -> None:
    if as_json:
        facts = {"objects": name, "at_stripe": done.seen, "with_marker": done.ours, "new": done.new}
        click.echo(json.dumps(facts))
    else:
        click.echo(f"{name}: {done.seen} at Stripe, {done.ours} with a marker, {done.new} new in the journal")


@contextmanager
def _running(found: JournalContext) -> Iterator[Run]:
    """A run of the target that reads no input."""
    run = found.run()
    with run.resources:
        try:
            yield run
        finally:
            run.stop()
            run.dispatcher.close()


def _unix(since: str | None) -> int:
    if since is None:
        return EVER
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise Misconfigured(
            f"--since {since!r} is no date: write one like 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
