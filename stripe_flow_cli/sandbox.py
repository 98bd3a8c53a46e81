"""`stripe-flow sandbox`: a local server that imitates Stripe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import click

from stripe_flow.api.commands import install_hint

T = TypeVar("T")

_BANNER = """\
stripe-flow sandbox: a local server for trials and tests. This is NOT Stripe: no money moves, and nothing is saved.
keys: {keys}
"""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", default=12111, show_default=True, type=click.IntRange(0, 65535), help="0 for any free port.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same objects.")
@click.option("--charges", default=0, show_default=True, type=click.IntRange(0), help="Charges to start with.")
@click.option(
    "--furnish", default=0, show_default=True, type=click.IntRange(0), help="Objects of every type to start with."
)
@click.option(
    "--days",
    default=30,
    show_default=True,
    type=click.IntRange(1),
    help="Days before now over which their created times are spread.",
)
@click.option(
    "--density",
    default="even",
    show_default=True,
    type=click.Choice(["even", "bursty"]),
    help="How the charges lie in these days; bursty: growth, nights, weekends, days of sales and billing runs.",
)
@click.option("--keys", "keys_file", type=_FILE, help="JSON file with accounts and API keys.")
@click.option("--faults", "faults_file", type=_FILE, help="JSON file with a script of faults.")
@click.option(
    "--limits",
    is_flag=False,
    flag_value="",
    help="Requests per second and account: of an operation, and in all, such as 25,100; without numbers Stripe's.",
)
@click.option("--now", type=int, help="Start of the sandbox's clock in Unix seconds; default: this machine's time.")
@click.option("--live", "livemode", is_flag=True, help="Live mode: sk_live_ keys, and livemode true in objects.")
@click.option("--exit-with-stdin", is_flag=True, help="Stop when standard input ends, as when the parent ends.")
def sandbox(
    *,
    host: str,
    port: int,
    seed: int,
    charges: int,
    furnish: int,
    days: int,
    density: Literal["even", "bursty"],
    keys_file: Path | None,
    faults_file: Path | None,
    limits: str | None,
    now: int | None,
    livemode: bool,
    exit_with_stdin: bool,
) -> None:
    """Start a local server that imitates Stripe. Its first line of output is its base URL."""
    _need_httptools()
    from stripe_flow_sandbox.faults.faults import read_script  # noqa: PLC0415
    from stripe_flow_sandbox.http import server  # noqa: PLC0415 - only this command needs it
    from stripe_flow_sandbox.service.limits import read_rates  # noqa: PLC0415
    from stripe_flow_sandbox.state.keys_file import default_keys, read_keys  # noqa: PLC0415 - only this command needs it

    def announce(url: str) -> None:
        click.echo(url)
        names = ", ".join(options.keys.keys) if keys_file is None else f"those of {keys_file}"
        click.echo(_BANNER.format(keys=names), err=True, nl=False)

    with _clear_errors(host, port):
        options = server.Options(
            keys=_read(read_keys, keys_file) if keys_file else default_keys(livemode=livemode),
            script=_read(read_script, faults_file) if faults_file else read_script(None),
            host=host,
            port=port,
            seed=seed,
            charges=charges,
            days=days,
            density=density,
            furnish=furnish,
            rates=None if limits is None else read_rates(limits, livemode=livemode),
            now=now,
            livemode=livemode,
            exit_with_stdin=exit_with_stdin,
        )
        server.run(options, announce)


def _need_httptools() -> None:
    """Raises ClickException if it is not installed."""
    try:
        import httptools  # noqa: F401, PLC0415 - an extra that the plugins do not need
    except ModuleNotFoundError:
        raise click.ClickException(f"the sandbox needs httptools: {install_hint('httptools')}") from None


@contextmanager
def _clear_errors(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise click.ClickException(
            f"the sandbox cannot listen on {host}, port {port} ({why}): choose another with --port, or 0 for any"
        ) from None


def _read(read: Callable[[Path], T], path: Path) -> T:
    """The content of the file. Raises ClickException with the path if it is not valid."""
    try:
        return read(path)
    except (ValueError, OSError) as error:
        message = str(error).removeprefix(f"{path}: ")
        raise click.ClickException(f"the sandbox cannot read the file {path}: {message}. Correct the file") from None
