"""The command: which plugin, its settings, and how findings are shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from stripe_flow.api.redaction import redact
from stripe_flow_cli.doctor.checks import OF_TAP, OF_TARGET
from stripe_flow_cli.doctor.connection_under_test import Given, PluginUnderTest
from stripe_flow_cli.doctor.engine import Checks, examine
from stripe_flow_cli.doctor.findings import Finding, Mark, exit_code
from stripe_flow_cli.doctor.tap import TapUnderTest
from stripe_flow_cli.doctor.target import TargetUnderTest
from stripe_flow_cli.errors import told

# Any: a plugin and facts of its own
_PLUGINS: dict[str, tuple[type[PluginUnderTest[Any]], Checks[Any]]] = {
    "tap": (TapUnderTest, OF_TAP),
    "target": (TargetUnderTest, OF_TARGET),
}
_SIGNS = {Mark.OK: ("✓", "+", "green"), Mark.STOPS: ("✗", "x", "red"), Mark.OPEN: ("•", "-", "yellow")}
_WIDTH = max(len(check.name) for _, checks in _PLUGINS.values() for check in checks)


@click.command()
@click.option("--config", multiple=True, metavar="FILE|ENV", help="The plugin's settings, as the plugin takes them.")
@click.option("--plugin", type=click.Choice(list(_PLUGINS)), required=True, help="Whose settings they are.")
@click.option(
    "--stream",
    "streams",
    multiple=True,
    help="What a run will have: streams of the tap (default: those selected), or of the target (default: not known).",
)
@click.option("--catalog", metavar="FILE", help="Of the tap: the streams that it selects.")
@click.option("--state", metavar="FILE", help="Of the tap: from where a run would go on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding.")
def doctor(
    *,
    config: tuple[str, ...],
    plugin: str,
    streams: tuple[str, ...],
    catalog: str | None,
    state: str | None,
    as_json: bool,
) -> None:
    """Look at a connection before a run does: settings, key, account, network, clock, rights, journal or state.

    Every line is good (✓), stops a run (✗), or is not known or could be better (•), and tells what to do next. Nothing
    is created or changed, neither at Stripe nor here. The exit code is the one that a run would end with: 0 where
    nothing stops it.
    """
    of, checks = _PLUGINS[plugin]
    plugin_under_test = of(Given(config=config, streams=streams, catalog=catalog, state=state))
    with told():
        found = list(_shown(examine(plugin_under_test, checks), as_json=as_json))
    code = exit_code(found)
    if not as_json:
        _say(f"A run would end with exit code {code}." if code else "Nothing stops a run.")
    raise SystemExit(code)


def _shown(found: Iterator[tuple[str, Finding]], *, as_json: bool) -> Iterator[Finding]:
    """Each as soon as it is found."""
    for name, finding in found:
        text = redact(finding.text)
        if as_json:
            facts = {"check": name, "status": finding.mark.value, "message": text, "exit_code": finding.exit_code}
            click.echo(json.dumps(facts))
        else:
            sign, plain, colour = _SIGNS[finding.mark]
            shown = click.style(sign if _can_say(sign) else plain, fg=colour)
            _say(f"{shown} {name:{_WIDTH}}  {text}")
        yield finding


def _say(line: str) -> None:
    """In the letters that the terminal has, in colours unless it has none or nobody wants them.

    https://no-color.org
    """
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(line.encode(encoding, "replace").decode(encoding), color=False if os.environ.get("NO_COLOR") else None)


def _can_say(sign: str) -> bool:
    try:
        sign.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
