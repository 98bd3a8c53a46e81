"""`stripe-flow journal source`: what the journal remembers of each source, and a person's word about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import NAME, with_context
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.execution.source_problems import describe_counts, is_odd, joined, same_names, shown
from target_stripe_flow.journal.sources import Source, change_source, find_source, read_sources, write_source
from target_stripe_flow.journal.store import Journal

Command = Callable[..., None]


@click.group()
def source() -> None:
    """The sources of the records: a source_name of an action, with its input streams and key properties.

    A run ends before it sends anything of a stream that does not fit what the journal remembers of its source, as the
    records would get other identities and would be ordered again.
    """


def _with_name(command: Command) -> Command:
    """Add the argument NAME and the option --action."""
    action = click.option("--action", required=True, type=click.Choice(list(ACTIONS)), help="The action of the source.")
    return click.argument("name", type=NAME)(action(command))


@source.command("list")
@click.option("--action", type=click.Choice(list(ACTIONS)), help="Only this action.")
@with_context
def list_sources(context: JournalContext, action: str | None) -> None:
    """Print one line for each source: account, mode, source_name, action, streams, key properties, records."""
    with context.location.open_read_only() as journal:
        for found in read_sources(journal, context.account, context.mode):
            is_wanted = context.source_option in {None, found.source_name} and action in {None, found.action}
            if is_wanted:
                _print_source(context, journal, found)


@source.command()
@_with_name
@click.option("--stream", type=NAME, help="One more input stream of the source; its name before stream maps.")
@with_context
def add(context: JournalContext, name: str, action: str, stream: str | None) -> None:
    """Say that NAME is a source of its own, or with --stream that it has one more input stream.

    Prints how many records of the action the journal has under which names. The records of a new source are new: each
    is sent, whatever was sent under another name. All streams of one source share their keys: equal keys are one
    record.
    """
    with context.existing_location.open_journal() as journal:
        account, mode = _scope(context, journal)
        counts = journal.count_records(account, mode, action)
        found = find_source(journal, Source(account=account, mode=mode, action=action, source_name=name))
        if found is None and is_odd(name):
            raise Misconfigured("NAME has white space at an end, or invisible characters: remove them")
        if found is None:
            found = Source(account=account, mode=mode, action=action, source_name=name, is_added=True)
            write_source(journal, found)
        streams = (*found.streams, *([] if stream is None or stream in found.streams else [stream]))
        _replace(journal, found, replace(found, streams=streams, is_added=True))
        click.echo(f"{action} of {account} ({mode}): {describe_counts(counts)}", err=context.as_json)
        _print_source(context, journal, replace(found, streams=streams, is_added=True))


@source.command()
@_with_name
@click.option("--stream", type=NAME, help="The new name of the input stream, before stream maps.")
@click.option("--from", "old_stream", type=NAME, help="The old name of the stream, where the source has several.")
@click.option(
    "--keys",
    type=NAME,
    help="The new names of the key properties, in the order of the old ones: `a,b`, or a JSON list.",
)
@with_context
def rename(  # the parameters are the options
    context: JournalContext, name: str, action: str, *, stream: str | None, old_stream: str | None, keys: str | None
) -> None:
    """Say that a table or a key column of the source NAME was only renamed: the same rows keep their identities."""
    if stream is None and keys is None:
        raise Misconfigured(
            "say what was renamed: --stream NEW for the input stream, --keys a,b for its key properties"
        )
    with context.existing_location.open_journal() as journal:
        account, mode = _scope(context, journal)
        found = find_source(journal, Source(account=account, mode=mode, action=action, source_name=name))
        if found is None:
            raise Misconfigured(
                f"the journal {context.location} has no source {shown(name)} for {action} of {account} ({mode}): "
                "`stripe-flow journal source list` prints all"
            )
        renamed = found
        if stream is not None:
            renamed = replace(renamed, streams=_renamed_streams(found, stream, old_stream))
        if keys is not None:
            renamed = replace(renamed, key_names=_renamed_keys(found, _parse_keys(keys)))
        _replace(journal, found, renamed)
        _print_source(context, journal, renamed)


def _replace(journal: Journal, found: Source, wanted: Source) -> None:
    if not change_source(journal, wanted, was=found):
        raise Misconfigured("a run has bound this source just now: check `stripe-flow journal source list` again")


def _renamed_streams(found: Source, new: str, old: str | None) -> tuple[str, ...]:
    if old is None and len(found.streams) > 1:
        raise Misconfigured(
            f"the source has the streams {joined(found.streams)}: add --from with the one that was renamed"
        )
    if old is not None and old not in found.streams:
        raise Misconfigured(
            f"--from {shown(old)} is no stream of the source: it has {joined(found.streams) or 'none yet'}"
        )
    if new in found.streams:
        raise Misconfigured(f"the source has the stream {shown(new)} already: there is nothing to rename")
    if not found.streams:
        raise Misconfigured("the streams of this source are not known yet: its next run binds them")
    return tuple(new if each == (old or found.streams[0]) else each for each in found.streams)


def _renamed_keys(found: Source, new: Sequence[str]) -> tuple[str, ...]:
    """The new names. A name that stays must not move, or each record would get another identity."""
    old = found.key_names
    if old is None:
        raise Misconfigured("the key properties of this source are not known yet: its next run binds them")
    if len(new) != len(old) or len(set(new)) != len(set(old)):
        raise Misconfigured(
            f"the source has {len(old)} key properties, {joined(old)}, and --keys has {len(new)}: the records would "
            "get other identities. Give the stream the key properties that it had"
        )
    if same_names(old, new):
        raise Misconfigured(
            f"the key properties are {joined(old)} already; runs keep that order, whatever order the input has"
        )
    moved = [name for name in new if name in old and new.index(name) != old.index(name)]
    if moved:
        raise Misconfigured(
            f"--keys moves {joined(moved)} to another position, and the records would get other identities: write the "
            f"new names in the order of {joined(old)}"
        )
    return tuple(new)


def _parse_keys(text: str) -> list[str]:
    """`a,b`, or a JSON list of names. Raises Misconfigured."""
    try:
        names = json.loads(text) if text.startswith("[") else text.split(",")
    except ValueError:
        names = []
    if not names or not all(isinstance(name, str) and name for name in names):
        raise Misconfigured("--keys is names joined by commas, like shop,no, or a JSON list of them")
    return names


def _scope(context: JournalContext, journal: Journal) -> tuple[str, str]:
    """The account and mode of the options or settings, else the only ones in the journal. Raises Misconfigured."""
    sources = {(each.account, each.mode) for each in read_sources(journal)}
    known = sorted(
        (account, mode)
        for account, mode in {*journal.accounts(), *sources}
        if context.account in {None, account} and context.mode in {None, mode}
    )
    if len(known) != 1:
        found = ", ".join(f"{account} ({mode})" for account, mode in sorted({*journal.accounts(), *sources})) or "none"
        raise Misconfigured(f"of which account? The journal has {found}: add --account ACCOUNT --mode MODE of one")
    return known[0]


def _print_source(context: JournalContext, journal: Journal, found: Source) -> None:
    count = journal.count_records(found.account, found.mode, found.action).get(found.source_name, 0)
    if context.as_json:
        context.print_json(
            {
                "account": found.account,
                "mode": found.mode,
                "source_name": found.source_name,
                "action": found.action,
                "streams": list(found.streams),
                "key_properties": None if found.key_names is None else list(found.key_names),
                "records": count,
                "is_added": found.is_added,
            }
        )
        return
    keys = "not known yet" if found.key_names is None else joined(found.key_names)
    click.echo(
        f"{found.account} {found.mode}  {shown(found.source_name)}  {found.action}  {count:,} records  "
        f"streams: {joined(found.streams) or 'not known yet'}  keys: {keys}"
    )
