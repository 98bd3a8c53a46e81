"""`stripe-flow journal source label`: a person's word for the account of a label."""

from __future__ import annotations

import re

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import NAME, with_context
from target_stripe_flow.journal.labels import Labels
from target_stripe_flow.journal.store import Journal

_MODES = ("test", "live")
_ACCOUNT = re.compile(r"acct_\w+", re.ASCII)


@click.command()
@click.argument("name", type=NAME)
@click.option("--is", "account_id", required=True, metavar="acct_…", help="The id of the label's account.")
@with_context
def label(context: JournalContext, name: str, account_id: str) -> None:
    """Say which account the account_label NAME is, if no run can find out. Stripe's dashboard shows the id.

    Covers both modes, unless --mode or the API key of --config names one.
    """
    if not _ACCOUNT.fullmatch(account_id):
        raise Misconfigured("--is takes the id of an account, acct_…: copy it from Stripe's dashboard")
    with context.existing_location.open_journal() as journal:
        found = [each for each in _labels(journal, context.mode) if name in {*each.accounts(), *each.bindings()}]
        if not found:
            raise Misconfigured(_describe_unknown(journal, name, context.mode))
        for labels in found:
            before = labels.bindings().get(name)
            labels.say(name, account_id)
            _print(context, labels.mode, name, account_id, before.account if before else None)


def _labels(journal: Journal, mode: str | None) -> list[Labels]:
    return [Labels(journal, each) for each in _MODES if mode in {None, each}]


def _describe_unknown(journal: Journal, name: str, mode: str | None) -> str:
    known = sorted({f"{each} ({one.mode})" for one in _labels(journal, mode) for each in one.accounts()})
    return (
        f"the journal {journal.name} has no rows under account_label {name}: it has rows of "
        f"{', '.join(known) or 'no account'}. Check NAME, --mode and journal_url"
    )


def _print(context: JournalContext, mode: str, name: str, account: str, before: str | None) -> None:
    if context.as_json:
        context.print_json({"account_label": name, "mode": mode, "account": account, "before": before})
        return
    was = f", not {before}" if before not in {None, account} else ""
    click.echo(f"account_label {name} is {account}{was} ({mode} mode)")
