"""`stripe-flow journal export`: the Stripe id of each source key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import click

from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.csv_cells import csv_lines
from stripe_flow_cli.journal.options import with_context
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT, State

COLUMNS = ("action", "source_name", "source_key", "account", "mode", "stripe_id", "payment_intent")
STREAM = "stripe_objects"
_SCHEMA = {"properties": {name: {"type": ["null", "string"]} for name in COLUMNS}}


def _exported_row(row: Attempt) -> dict[str, str | None]:
    key = None if row.source_key is None else ",".join(row.source_key)
    return {
        "action": row.action,
        "source_name": row.source_name,
        "source_key": key,
        "account": row.account,
        "mode": row.mode,
        "stripe_id": row.stripe_id,
        "payment_intent": row.payment_intent,
    }


def _write_csv(rows: Iterable[dict[str, str | None]]) -> None:
    for line in csv_lines(COLUMNS, ([row[name] for name in COLUMNS] for row in rows)):
        click.echo(line, nl=False)


def _write_jsonl(rows: Iterable[Mapping[str, object]]) -> None:
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False))


def _write_singer(rows: Iterable[dict[str, str | None]]) -> None:
    _write_jsonl([{"type": "SCHEMA", "stream": STREAM, "schema": _SCHEMA, "key_properties": ["stripe_id"]}])
    _write_jsonl({"type": "RECORD", "stream": STREAM, "record": row} for row in rows)


_WRITERS = {"csv": _write_csv, "jsonl": _write_jsonl, "singer": _write_singer}


@click.command()
@click.option("--format", "chosen_format", type=click.Choice(list(_WRITERS)), help="Default: csv; with --json, jsonl.")
@click.option("--action", type=click.Choice(list(ACTIONS)), help="Only this action.")
@with_context
def export(context: JournalContext, chosen_format: str | None, action: str | None) -> None:
    """Print source keys and their Stripe ids, for all objects that were created or found. Keys are not masked.

    In CSV a cell that a spreadsheet would calculate, such as =1 or +1, begins with an apostrophe: remove one apostrophe
    to get the value. The other formats have values as they are.

    Covers every source_name, unless --source-name names one.
    """
    filters = context.filters(action=action, source_name=context.source_option)
    filters["state"] = sorted(HAS_OBJECT - {State.UPDATED})
    write = _WRITERS[chosen_format or ("jsonl" if context.as_json else "csv")]
    with context.location.open_read_only() as opened:
        write(_exported_row(row) for row in opened.walk(filters))
