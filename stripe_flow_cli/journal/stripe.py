"""The journal commands that ask Stripe: reconcile open attempts, and rebuild a lost journal."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.errors import say
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context
from target_stripe_flow.actions.policies import read_policies
from target_stripe_flow.actions.table import ACTIONS, ActionSpec
from target_stripe_flow.journal.incomplete import EVER, add_incomplete, incomplete_actions
from target_stripe_flow.recovery.lost_journal import ListReader, ListRebuilt, rebuild_action
from target_stripe_flow.recovery.marker_scan import AFTER_S, Span
from target_stripe_flow.recovery.rebuild import Rebuilt
from target_stripe_flow.run import Run

# The exit code if a list was not read to its end.
UNFINISHED = 2


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
@click.option(
    "--since",
    metavar="ISO8601",
    help="Only objects created since then. Default: all. Older objects that the journal lacks stay missing.",
)
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice(list(ACTIONS)),
    help="Only this action; may be repeated. Default: all.",
)
@with_context
def rebuild(context: JournalContext, since: str | None, actions: tuple[str, ...]) -> None:
    """Refill a lost journal from the markers of the objects at Stripe. Rows that the journal has stay unchanged.

    Runs refuse the records of an action until all its lists were read. The exit code is 2 if the key may not read a
    list, or if a list was not read to its end; the other lists are read.
    """
    first = _parse_since(since)
    is_new = not context.location.is_there()
    with _started_run(context) as run:
        scope = run.scope
        if is_new:
            add_incomplete(run.journal, scope.account, scope.mode, ACTIONS)
        span = Span(first=first, last=int(run.stripe_now_unix()) + AFTER_S)
        chosen = read_policies(context.config).endpoints
        named = [spec for spec in ACTIONS.values() if spec.name in actions or not actions]
        reader = ListReader(client=run.client, journal=run.journal, scope=scope, span=span, on_progress=_print_progress)
        unread = [
            spec.name
            for spec in named
            if not rebuild_action(
                reader, spec, chosen[spec.name], lambda each: _print_rebuilt(each, as_json=context.as_json)
            )
        ]
        _print_lacking(incomplete_actions(run.journal, scope.account, scope.mode), named, unread, since)
    if unread:
        raise SystemExit(UNFINISHED)


def _print_lacking(
    lacks: Collection[str], named: Iterable[ActionSpec], unread: Collection[str], since: str | None
) -> None:
    """Say which of the actions that were to be rebuilt still refuse records, on standard error."""
    for spec in named:
        if spec.name not in lacks:
            continue
        is_read = spec.name not in unread
        why = f"only objects created since {since} were read, and older ones may be missing: " if is_read else ""
        say(
            f"{why}runs refuse records of {spec.name} until `stripe-flow journal rebuild --action {spec.name}` has "
            "read all its lists"
        )


def _print_progress(name: str, so_far: Rebuilt) -> None:
    click.echo(f"{name}: {so_far.seen} seen, {so_far.new} new ...", err=True)


def _print_rebuilt(each: ListRebuilt, *, as_json: bool) -> None:
    name, rebuilt = each.name, each.rebuilt
    if as_json:
        members = {"objects": name, "at_stripe": rebuilt.seen, "with_marker": rebuilt.ours, "new": rebuilt.new}
        click.echo(json.dumps(members | {"is_complete": rebuilt.is_complete}))
    else:
        click.echo(f"{name}: {rebuilt.seen} at Stripe, {rebuilt.ours} with a marker, {rebuilt.new} new in the journal")
    for gap in rebuilt.gaps:
        click.echo(f"{name}: not read to the end: {gap}", err=True)


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
