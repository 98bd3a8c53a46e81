"""`stripe-flow journal`: make it, and look into it; a run may hold it meanwhile."""

from __future__ import annotations

import json

import click

from stripe_flow_cli.journal import context
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.decisions import forget, retry, settle
from stripe_flow_cli.journal.export import export
from stripe_flow_cli.journal.options import with_context, with_key
from stripe_flow_cli.journal.report import report
from stripe_flow_cli.journal.stripe import rebuild, reconcile
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.lifecycle import State


@click.group()
def journal() -> None:
    """What target-stripe-flow has sent, and what became of it.

    KEY is ACTION:SOURCE_KEY, for example charges:1001, with several values joined by commas. A source key that may be a
    person's name or address is shown as a hash, and ACTION:HASH is a KEY as well; --show-keys shows them as they are.
    """


@journal.command()
@with_context
def init(found: JournalContext) -> None:
    """Make an empty journal, or bring one of an older release up to date."""
    is_new = not found.location.is_there()
    with found.location.open_journal() as opened:
        count = opened.count()
    where = found.location
    if found.as_json:
        click.echo(json.dumps({"journal": str(where), "is_new": is_new, "rows": count}, ensure_ascii=False))
        return
    click.echo(f"made the journal {where}" if is_new else f"the journal {where} is there, with {count} rows")


@journal.command("list")
@click.option(
    "--state", "states", multiple=True, type=click.Choice([state.value for state in State]), help="Only these."
)
@click.option("--action", type=click.Choice(list(ACTIONS)), help="Only these.")
@click.option("--every-source", is_flag=True, help="Of every source_name, not of one.")
@with_context
def show_all(found: JournalContext, states: tuple[str, ...], action: str | None, *, every_source: bool) -> None:
    """One line for each attempt."""
    asked = found.filters(action=action, source_name=None if every_source else found.source_name)
    if states:
        asked["state"] = list(states)
    with found.location.open_read_only() as opened:
        for row in opened.walk(asked):
            context.say(row, found)


@journal.command()
@click.option(
    "--body", "is_body", is_flag=True, help="The request's body too, if it is still there: it may be a person's."
)
@with_key
@with_context
def show(found: JournalContext, key: str, *, is_body: bool) -> None:
    """Every attempt at one KEY, with all that is known of it."""
    with found.location.open_read_only() as opened:
        for row in opened.all_of(found.find(opened, key).digest):
            context.say_all(row, found, is_body=is_body)


for command in (retry, settle, forget, reconcile, rebuild, export, report):
    journal.add_command(command)
