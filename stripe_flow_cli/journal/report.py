"""`stripe-flow journal report`: the journal as one page for a browser."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context
from target_stripe_flow.settings import rejects_path

FILE = "stripe-flow-report.html"


@click.command()
@click.option(
    "--output",
    default=FILE,
    show_default=True,
    metavar="FILE",
    help="Where to write the page; `-`: to standard output. An earlier report is replaced, no other file is.",
)
@with_context
def report(found: JournalContext, output: str) -> None:
    """One HTML page: what waits for somebody and what to do, what became of all records over time, money by currency
    and day, why charges were declined. It needs no network, and source keys are not in it unless --show-keys is given.

    With --json its figures as one object instead, amounts in minor units; no page is written then.

    Of every source_name, unless --source-name names one. What was rejected unsent is read from the rejects file.
    """
    from stripe_flow_cli.report.figures import Asked, as_object, read  # noqa: PLC0415 - only this command needs them

    asked = Asked(
        among=found.filters(source_name=found.named_source),
        rejects_path=rejects_path(found.config),
        now_unix=int(time.time()),
        shows_keys=found.show_keys,
    )
    if found.as_json:
        with found.location.open_read_only() as opened:
            click.echo(json.dumps(as_object(read(opened, asked)), ensure_ascii=False))
        return
    try:
        from stripe_flow_cli.report import page, writing  # noqa: PLC0415 - an extra: the plugins do without
    except ModuleNotFoundError as error:
        raise Misconfigured(f"the report needs {error.name}: pip install 'stripe-flow[report]'") from None
    path = Path(output)
    if output != "-":
        writing.check(path)
    with found.location.open_read_only() as opened:
        made = read(opened, asked)
    text = page.render(made)
    if output == "-":
        click.echo(text, nl=False)
        return
    writing.write(path, text)
    listed = sum(group.total for group in made.groups)
    click.echo(f"wrote {path}: {made.attempts:,} attempts, {listed:,} records that are not done")
