"""What only a person can decide: another attempt, what became of one, that it may be forgotten."""

from __future__ import annotations

import time

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal import context
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context, with_key
from target_stripe_flow.recovery.decisions import another_attempt, may_be_forgotten, settled


@click.command()
@with_key
@with_context
def retry(found: JournalContext, key: str) -> None:
    """Order another attempt at a declined KEY. Sends nothing: the next record of that key is sent."""
    with found.existing.open_journal() as opened:
        row = another_attempt(found.find(opened, key))
        opened.open_attempt(row)
    context.say(row, found)


@click.command()
@with_key
@click.option("--as", "said", required=True, type=click.Choice(["created", "not-created"]), help="What became of it.")
@click.argument("stripe_id", required=False)
@with_context
def settle(found: JournalContext, key: str, said: str, stripe_id: str | None) -> None:
    """Say what became of a KEY that is in doubt: `--as created STRIPE_ID`, or `--as not-created`.

    Look in the Stripe dashboard first: after `not-created` the next record of that key is sent.
    """
    if (said == "created") != (stripe_id is not None):
        raise Misconfigured("say --as created STRIPE_ID, with the id of the object, or --as not-created without one")
    with found.existing.open_journal() as opened:
        taken = opened.take(found.find(opened, key))
        if taken is None:
            raise Misconfigured(
                "another process is finding out what became of it right now: look again when it is done"
            )
        row = settled(taken.attempt, stripe_id, int(time.time()))
        opened.change(row, was=taken.attempt)
    context.say(row, found)


@click.command()
@with_key
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_context
def forget(found: JournalContext, key: str, *, yes: bool) -> None:
    """Remove all attempts at one KEY. The same record would create the object again."""
    with found.existing.open_journal() as opened:
        row = found.find(opened, key)
        may_be_forgotten(row)
        if not yes:
            what = f"{row.action} {row.stripe_id or row.state.value}"
            click.confirm(
                f"The same record would then be sent again ({what}). Stripe itself still knows its key for 24 hours: "
                "until then the record as it was gets the same object, and a changed one is a conflict. Forget it?",
                abort=True,
                err=True,
            )
        opened.forget(row)
    context.say(row, found)
