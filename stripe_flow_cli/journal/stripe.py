"""The journal commands that ask Stripe: reconcile open attempts, and rebuild a lost journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.recovery.marker_scan import AFTER_S, Span
from target_stripe_flow.recovery.rebuild import Rebuilt
from target_stripe_flow.recovery.rebuild import rebuild as rebuild_action
from target_stripe_flow.run import Run

# The exit code if objects at Stripe may be missing in the journal.
INCOMPLETE = 2
# Unix time 0: no object at Stripe is older.
EVER = 0


@click.command()
@with_context
def reconcile(context: JournalContext) -> None:
    """Reconcile open attempts, as each run does first: resend, scan for markers, or leave it to a person.

    The exit code is 3 if attempts stay open.
    """
    with _started_run(context) as run:
        run.reconcile()
        still_open = run.journal.open_attempts(run.scope.account, run.scope.mode)
        for row in still_open:
            context.print_row(row)
        click.echo(f"{len(still_open) or 'nothing'} left open", err=True)
        code = run.exit_code()
    raise SystemExit(code)


@click.command()
@click.option("--since", metavar="ISO8601", help="Only objects created since then. Default: all.")
@with_context
def rebuild(context: JournalContext, since: str | None) -> None:
    """Refill a lost journal from the markers of the objects at Stripe. Rows that the journal has stay unchanged.

    The exit code is 2 if a list could not be read whole.
    """
    first, is_complete = _parse_since(since), True
    with _started_run(context) as run:
        span = Span(first=first, last=int(run.stripe_now_unix()) + AFTER_S)
        for spec in ACTIONS.values():
            # A PaymentIntent's charge carries the same marker, and the intent has more members: so it is read first.
            for name, way in reversed(list(spec.endpoints.items())):

                def print_progress(so_far: Rebuilt, name: str = name) -> None:
                    click.echo(f"{name}: {so_far.seen} seen, {so_far.new} new ...", err=True)

                rebuilt = rebuild_action(
                    run.client,
                    run.journal,
                    run.scope,
                    action=spec.name,
                    endpoint=way,
                    span=span,
                    on_progress=print_progress,
                )
                _print_rebuilt(name, rebuilt, as_json=context.as_json)
                is_complete &= rebuilt.is_complete
    if not is_complete:
        raise SystemExit(INCOMPLETE)


def _print_rebuilt(name: str, rebuilt: Rebuilt, *, as_json: bool) -> None:
    if as_json:
        members = {"objects": name, "at_stripe": rebuilt.seen, "with_marker": rebuilt.ours, "new": rebuilt.new}
        click.echo(json.dumps(members | {"is_complete": rebuilt.is_complete}))
    else:
        click.echo(f"{name}: {rebuilt.seen} at Stripe, {rebuilt.ours} with a marker, {rebuilt.new} new in the journal")
    for gap in rebuilt.gaps:
        click.echo(
            f"{name}: the journal may lack objects that exist, and would order them again: {gap}. Run "
            "`stripe-flow journal rebuild` again before the next run",
            err=True,
        )


@contextmanager
def _started_run(context: JournalContext) -> Iterator[Run]:
    """A run of the target that reads no input."""
    run = context.load_run()
    with run.resources:
        try:
            yield run
        finally:
            run.stop()
            run.dispatcher.close()


def _parse_since(since: str | None) -> int:
    if since is None:
        return EVER
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise Misconfigured(
            f"--since {since!r} is not a date: write one like 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
