"""`stripe-flow journal report`: the journal as one HTML page."""

from __future__ import annotations

import time
from pathlib import Path

import click

from stripe_flow.api.commands import install_hint
from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.journal.context import JournalContext
from stripe_flow_cli.journal.options import with_context
from target_stripe_flow.rejects_path import rejects_path

FILE = "stripe-flow-report.html"


@click.command()
@click.option(
    "--output",
    default=FILE,
    show_default=True,
    metavar="FILE",
    help="The file to write; `-`: standard output. Replaces an earlier report, but no other file.",
)
@with_context
def report(context: JournalContext, output: str) -> None:
    """Write one HTML page: the records that need a decision or a fix and what to do, the outcome of all records over
    time, money by currency and day, the reasons of declines. The page needs no network, and shows source keys only with
    --show-keys.

    With --json, prints the figures as one object instead, with amounts in minor units, and writes no page.

    Covers every source_name, unless --source-name names one. Records that were rejected before the target sent anything
    come from the rejects file.
    """
    from stripe_flow_cli.report.figures import Query, read_report, to_json  # noqa: PLC0415 - only this command uses it

    query = Query(
        filters=context.filters(source_name=context.source_option),
        rejects_path=rejects_path(context.config),
        now_unix=int(time.time()),
        shows_keys=context.show_keys,
    )
    if context.as_json:
        with context.location.open_read_only() as opened:
            context.print_json(to_json(read_report(opened, query)))
        return
    try:
        from stripe_flow_cli.report import page, page_file  # noqa: PLC0415 - an extra: the plugins do without
    except ModuleNotFoundError as error:
        raise Misconfigured(f"the report needs {error.name}: {install_hint('jinja2', 'pygal')}") from None
    path = Path(output)
    if output != "-":
        page_file.check(path)
    with context.location.open_read_only() as opened:
        figures = read_report(opened, query)
    text = page.render(figures)
    if output == "-":
        click.echo(text, nl=False)
        return
    page_file.write(path, text)
    not_done = sum(group.total for group in figures.groups)
    click.echo(f"wrote {path}: {figures.attempts:,} attempts, {not_done:,} records that are not done")
