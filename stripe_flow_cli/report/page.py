"""A report → one HTML page that loads nothing: its style, script and drawings are inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import jinja2

from stripe_flow_cli.report import currencies
from stripe_flow_cli.report.model import Group, Report
from stripe_flow_cli.report.outcomes import Who
from stripe_flow_cli.report.plot import draw_plots, slug

# The first bytes of each page, which distinguish a report from other files.
BEGINNING = '<!doctype html>\n<html lang="en" data-made-by="stripe-flow journal report">\n'

_VERDICTS = {
    Who.DECIDE: ("record needs your decision", "records need your decision"),
    Who.FIX: ("record needs a fix", "records need a fix"),
    Who.CUSTOMER: ("record waits for its customer", "records wait for their customers"),
    Who.RUN: ("record waits for the next run", "records wait for the next run"),
}


def render(report: Report) -> str:
    """The page as HTML."""
    loader = jinja2.PackageLoader("stripe_flow_cli.report")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": currencies.format_number, "slug": slug, "counted": _counted}
    script = loader.get_source(environment, "report.js")[0]
    return environment.get_template("report.html").render(
        beginning=BEGINNING,
        report=report,
        plots=draw_plots(report.timeline),
        by_who=group_by_who(report),
        verdict=verdict(report),
        style=loader.get_source(environment, "report.css")[0],
        script=script,
        script_hash=_hash(script),
    )


def group_by_who(report: Report) -> Mapping[Who, list[Group]]:
    """The groups by who has to act, the most urgent first."""
    groups = {who: [group for group in report.groups if group.words.who is who] for who in Who}
    return {who: of_who for who, of_who in groups.items() if of_who}


def verdict(report: Report) -> str:
    """The headline: the number of records in the most urgent groups, or that there are none."""
    for who, groups in group_by_who(report).items():
        count = sum(group.total for group in groups)
        return _counted(count, *_VERDICTS[who])
    return "All is done" if report.attempts else "Nothing has been sent yet"


def _counted(count: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _hash(script: str) -> str:
    """The script's hash for the Content-Security-Policy, so that the browser runs no other script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
