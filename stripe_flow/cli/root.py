"""The group of commands; each has a module of its own and imports its room only when it runs."""

from __future__ import annotations

import click

from stripe_flow.cli.sandbox import sandbox


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stripe-flow")
def main() -> None:
    """What an operator of stripe-flow needs beside the tap and the target."""


main.add_command(sandbox)
