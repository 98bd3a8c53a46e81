"""The commands for what only a person decides: to order another attempt, to settle one, to forget one."""

from __future__ import annotations

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context, with_key
from target_stripe_flow.attempts.shown_key import shown_object_id
from target_stripe_flow.recovery.decisions import check_forgettable, next_attempt, settle_attempt


@click.command()
@with_key
@with_context
def retry(context: JournalContext, key: str) -> None:
    """Order another attempt at a declined KEY. Sends nothing: the target sends the next record of that key."""
    with context.existing_location.open_journal() as journal:
        row = next_attempt(context.find_attempt(journal, key))
        journal.open_attempt(row)
    context.print_row(row)
    click.echo("nothing was sent: the target sends the next record of this key, changed or not", err=True)


@click.command()
@with_key
@click.option("--as", "outcome", required=True, type=click.Choice(["created", "not-created"]), help="What happened.")
@click.argument("stripe_id", required=False)
@with_context
def settle(context: JournalContext, key: str, outcome: str, stripe_id: str | None) -> None:
    """Settle a KEY that is in doubt: `--as created STRIPE_ID`, or `--as not-created`.

    Check the Stripe dashboard first: after `not-created` the target sends the next record of that key. With --config
    the decision gets Stripe's time; this machine's clock may be wrong, so without --config it gets none.
    """
    if (outcome == "created") != (stripe_id is not None):
        raise Misconfigured("say --as created STRIPE_ID, with the id of the object, or --as not-created without one")
    location, now_unix = context.existing_location, context.stripe_now_unix()
    with location.open_journal() as journal:
        taken = journal.take(context.find_attempt(journal, key))
        if taken is None:
            raise Misconfigured("another process is reconciling this attempt now: run the command again in a minute")
        row = settle_attempt(taken.attempt, stripe_id, now_unix)
        journal.change(row, was=taken.attempt)
    context.print_row(row)
    if now_unix is None:
        click.echo("the decision has no time: with --config it gets Stripe's time", err=True)


@click.command()
@with_key
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_context
def forget(context: JournalContext, key: str, *, yes: bool) -> None:
    """Remove all attempts at one KEY. The same record would create the object again."""
    with context.existing_location.open_journal() as journal:
        row = context.find_attempt(journal, key)
        check_forgettable(row)
        if not yes:
            click.confirm(
                "The target would then send the same record again "
                f"({row.action} {shown_object_id(row.stripe_id) or row.state.value}). "
                "Stripe keeps the idempotency key for 24 hours: until then an unchanged record gets the same object, "
                "and a changed one is a conflict. Forget it?",
                abort=True,
                err=True,
            )
        journal.forget(row)
    context.print_row(row)
