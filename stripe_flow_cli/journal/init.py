"""`stripe-flow journal init`: creates a journal, after it has searched Stripe for objects of an earlier one."""

from __future__ import annotations

from collections.abc import Mapping

import click

from stripe_flow.api.commands import complete_commands
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import open_client
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context
from target_stripe_flow.actions.policies import read_policies
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.execution.account import identify
from target_stripe_flow.journal.incomplete import (
    add_incomplete,
    add_to_new_journal,
    end_incomplete,
    incomplete_actions,
)
from target_stripe_flow.journal.labels import Labels
from target_stripe_flow.journal.opening import open_in_memory
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.recovery.lost_journal import find_lacking
from target_stripe_flow.settings import refuse_live


@click.command()
@click.option(
    "--beside",
    is_flag=True,
    help="Do not search for objects of an earlier journal: another journal holds them, or there are none.",
)
@with_context
def init(context: JournalContext, *, beside: bool) -> None:
    """Create an empty journal, or migrate one of an older release.

    It reads the newest 100 objects of each action at Stripe first, so it needs --config. If one has our marker, an
    earlier journal was lost, and runs refuse records of that action until `stripe-flow journal rebuild` has read its
    lists.
    """
    location = context.location
    is_new = not location.is_there()
    if is_new and not beside and "api_key" not in context.config:
        raise Misconfigured(
            "a new journal must not replace a lost one, so this command asks Stripe for objects of an earlier journal: "
            "add the target's settings, --config FILE or --config ENV; or add --beside if there can be none, or if "
            "another journal holds them"
        )
    count, lacks = (_create if is_new else _open)(context, beside=beside)
    if context.as_json:
        context.print_json({"journal": str(location), "is_new": is_new, "rows": count, "needs_rebuild": sorted(lacks)})
        return
    click.echo(f"created the journal {location}" if is_new else f"the journal {location} exists, with {count} rows")
    for action, why in lacks.items():
        text = (
            f"{action}: {why}. Runs refuse records of {action} until "
            f"`stripe-flow journal rebuild --action {action}` has read all its lists; if another journal holds its "
            "objects, run `stripe-flow journal init --beside`"
        )
        click.echo(complete_commands(text))


def _create(context: JournalContext, *, beside: bool) -> tuple[int, Mapping[str, str]]:
    """Create the journal. Returns its number of rows, and why it lacks which actions: both are durable at once."""
    if beside:
        with context.location.open_journal() as opened:
            return opened.count(), {}
    account = _Account(context)
    with open_in_memory() as (reader, writer):  # the journal to be created has no rows
        scope = account.scope(Journal(str(context.location), reader, writer))
    lacks = account.find_lacking(scope)
    with context.location.open_journal(
        lambda writer: add_to_new_journal(writer, scope.account, scope.mode, lacks)
    ) as opened:
        add_incomplete(opened, scope.account, scope.mode, lacks)  # another process may have created it meanwhile
        return opened.count(), lacks


def _open(context: JournalContext, *, beside: bool) -> tuple[int, Mapping[str, str]]:
    """Migrate the journal; search the objects of an account that it has no rows of, if there is a key to do so."""
    with context.location.open_journal() as opened:
        if "api_key" not in context.config:
            return opened.count(), {}
        account = _Account(context)
        scope = account.scope(opened)
        if beside:
            for action in ACTIONS:
                end_incomplete(opened, scope.account, scope.mode, action)
            return opened.count(), {}
        found = {} if opened.knows(scope.account, scope.mode) else account.find_lacking(scope)
        add_incomplete(opened, scope.account, scope.mode, found)
        lacks = incomplete_actions(opened, scope.account, scope.mode)
        return opened.count(), {action: found.get(action, "its rows may be missing") for action in lacks}


class _Account:
    """The account of the settings, as Stripe shows it."""

    def __init__(self, context: JournalContext) -> None:
        """Raises Misconfigured for a live key that the settings do not allow, AccountTrouble if Stripe refuses it."""
        client = open_client(context.config)
        refuse_live(client.connection, context.config)
        self.mode = client.connection.key.mode.value
        self._config = context.config
        self._client = client.scoped(context.config.get("account_id"))

    def scope(self, journal: Journal) -> Scope:
        """The account in identities, by what the journal knows. Raises Misconfigured if it is ambiguous."""
        name = identify(self._client, self._config, Labels(journal, self.mode))
        return Scope(account=name, mode=self.mode, source_name=self._config.get("source_name") or "")

    def find_lacking(self, scope: Scope) -> Mapping[str, str]:
        """See `lost_journal.find_lacking`."""
        return find_lacking(self._client, scope, read_policies(self._config).endpoints)
