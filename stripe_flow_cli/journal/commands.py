"""`stripe-flow journal`: create and inspect a journal, also while a run owns it."""

from __future__ import annotations

import click

from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.decisions import forget, retry, settle
from stripe_flow_cli.journal.export import export
from stripe_flow_cli.journal.init import init
from stripe_flow_cli.journal.label import label
from stripe_flow_cli.journal.options import with_context, with_key
from stripe_flow_cli.journal.report import report
from stripe_flow_cli.journal.sources import source
from stripe_flow_cli.journal.stripe import rebuild, reconcile
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.lifecycle import State


@click.group()
@click.option("--config", multiple=True, metavar="FILE|ENV", help="The target's settings, for any command.")
@click.pass_context
def journal(ctx: click.Context, config: tuple[str, ...]) -> None:
    """Inspect what target-stripe-flow has sent and what the outcome was.

    KEY is ACTION:SOURCE_KEY, for example charges:1001, with several values joined by commas. A source key that may be a
    person's name or address is shown as a hash, and ACTION:HASH is a KEY as well; --show-keys shows all keys unmasked.
    """
    ctx.obj = config


@journal.command("list")
@click.option(
    "--state", "states", multiple=True, type=click.Choice([state.value for state in State]), help="Only these states."
)
@click.option("--action", type=click.Choice(list(ACTIONS)), help="Only this action.")
@click.option("--every-source", is_flag=True, help="All source_names, even with --source-name.")
@with_context
def list_attempts(context: JournalContext, states: tuple[str, ...], action: str | None, *, every_source: bool) -> None:
    """Print one line for each attempt. Covers every source_name, unless --source-name names one."""
    filters = context.filters(action=action, source_name=None if every_source else context.source_option)
    if states:
        filters["state"] = list(states)
    with context.location.open_read_only() as opened:
        for row in opened.walk(filters):
            context.print_row(row)


@journal.command()
@click.option(
    "--body",
    "shows_body",
    is_flag=True,
    help="The body of the request too, while the journal still has it: it may hold personal data.",
)
@with_key
@with_context
def show(context: JournalContext, key: str, *, shows_body: bool) -> None:
    """Print every attempt at one KEY with all its columns, in every source that has it."""
    with context.location.open_read_only() as opened:
        for found in context.find_in_every_source(opened, key):
            for row in opened.attempts_of(found.digest):
                context.print_details(row, shows_body=shows_body)


source.add_command(label)
for command in (init, retry, settle, forget, reconcile, rebuild, export, report, source):
    journal.add_command(command)
