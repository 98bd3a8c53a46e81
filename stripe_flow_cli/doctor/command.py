"""The command `stripe-flow doctor`: its options, and how it prints findings."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from stripe_flow.api.commands import complete_commands
from stripe_flow.api.redaction import redact
from stripe_flow_cli.doctor.checks import TAP_CHECKS, TARGET_CHECKS
from stripe_flow_cli.doctor.connection_under_test import Options, PluginUnderTest
from stripe_flow_cli.doctor.engine import Checks, examine
from stripe_flow_cli.doctor.findings import Finding, Mark, exit_code
from stripe_flow_cli.doctor.tap import TapUnderTest
from stripe_flow_cli.doctor.target import TargetUnderTest
from stripe_flow_cli.errors import print_errors

# Any: each plugin has its own type
_PLUGINS: dict[str, tuple[type[PluginUnderTest[Any]], Checks[Any]]] = {
    "tap": (TapUnderTest, TAP_CHECKS),
    "target": (TargetUnderTest, TARGET_CHECKS),
}
_SIGNS = {Mark.OK: ("✓", "green"), Mark.STOPS: ("✗", "red"), Mark.OPEN: ("•", "yellow")}
_WIDTH = max(len(check.name) for _, checks in _PLUGINS.values() for check in checks)


@click.command()
@click.option("--config", multiple=True, metavar="FILE|ENV", help="The plugin's settings, as the plugin takes them.")
@click.option("--plugin", type=click.Choice(list(_PLUGINS)), required=True, help="The plugin of these settings.")
@click.option(
    "--stream",
    "streams",
    multiple=True,
    help="A stream of the run. Default: for the tap, those selected; for the target, any action.",
)
@click.option("--catalog", metavar="FILE", help="For the tap: the catalog that selects streams.")
@click.option("--state", metavar="FILE", help="For the tap: the state that a run would start from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
def doctor(
    *,
    config: tuple[str, ...],
    plugin: str,
    streams: tuple[str, ...],
    catalog: str | None,
    state: str | None,
    as_json: bool,
) -> None:
    """Check a connection before a run: settings, key, account, network, clock, permissions, journal or state.

    A line is good (✓), stops a run (✗), or is unknown or could be better (•), and names the next step. The doctor
    creates and changes nothing, neither at Stripe nor on this machine. Its exit code is the one that a run would end
    with: 0 where nothing stops it.
    """
    plugin_class, checks = _PLUGINS[plugin]
    plugin_under_test = plugin_class(Options(config=config, streams=streams, catalog=catalog, state=state))
    findings = []
    with print_errors():
        for name, finding in examine(plugin_under_test, checks):
            _print_finding(name, finding, as_json=as_json)
            findings.append(finding)
    code = exit_code(findings)
    if not as_json:
        _print_line(f"A run would end with exit code {code}." if code else "Nothing stops a run.")
    raise SystemExit(code)


def _print_finding(name: str, finding: Finding, *, as_json: bool) -> None:
    text = redact(complete_commands(finding.text))
    if as_json:
        members = {"check": name, "status": finding.mark.value, "message": text, "exit_code": finding.exit_code}
        click.echo(json.dumps(members))
        return
    sign, colour = _SIGNS[finding.mark]
    _print_line(f"{click.style(sign, fg=colour)} {name:{_WIDTH}}  {text}")


def _print_line(line: str) -> None:
    """Print in colour, unless the output is no terminal or NO_COLOR is set: https://no-color.org."""
    click.echo(line, color=False if os.environ.get("NO_COLOR") else None)
