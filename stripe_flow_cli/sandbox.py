"""`stripe-flow sandbox`: a local server that behaves like Stripe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

T = TypeVar("T")

_BANNER = """\
stripe-flow sandbox: a local imitation for trying and testing. This is NOT Stripe; no money moves, nothing is kept.
keys: {keys}
"""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", default=12111, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same objects.")
@click.option("--charges", default=0, show_default=True, type=click.IntRange(0), help="Charges to start with.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="Days of past they lie in.")
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file of accounts and keys.",
)
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON script of faults.",
)
@click.option("--now", type=int, help="Unix seconds to start the clock at; default: this machine's.")
@click.option("--live", "livemode", is_flag=True, help="Live mode: sk_live_ keys, livemode true.")
@click.option("--exit-with-stdin", is_flag=True, help="End when standard input ends, as it does with the parent.")
def sandbox(
    *,
    host: str,
    port: int,
    seed: int,
    charges: int,
    days: int,
    keys_file: Path | None,
    faults_file: Path | None,
    now: int | None,
    livemode: bool,
    exit_with_stdin: bool,
) -> None:
    """Serve a sandbox that behaves like Stripe. The first line printed is its base URL."""
    try:
        import httptools  # noqa: F401, PLC0415 - an extra: the plugins do without
    except ModuleNotFoundError:
        raise click.ClickException("the sandbox needs httptools: pip install 'stripe-flow[sandbox]'") from None
    from stripe_flow_sandbox.faults.script import read_script  # noqa: PLC0415
    from stripe_flow_sandbox.http import server  # noqa: PLC0415 - see above
    from stripe_flow_sandbox.state.keys_file import default_keys, read_keys  # noqa: PLC0415 - see above

    def announce(url: str) -> None:
        click.echo(url)
        shown = ", ".join(options.keys.keys) if keys_file is None else f"those of {keys_file}"
        click.echo(_BANNER.format(keys=shown), err=True, nl=False)

    with _told(host, port):
        options = server.Options(
            keys=_read(read_keys, keys_file) if keys_file else default_keys(livemode=livemode),
            script=_read(read_script, faults_file) if faults_file else read_script(None),
            host=host,
            port=port,
            seed=seed,
            charges=charges,
            days=days,
            now=now,
            livemode=livemode,
            exit_with_stdin=exit_with_stdin,
        )
        server.run(options, announce)


@contextmanager
def _told(host: str, port: int) -> Iterator[None]:
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
    """The file, or an error that names it."""
    try:
        return read(path)
    except (ValueError, OSError) as error:
        said = str(error).removeprefix(f"{path}: ")
        raise click.ClickException(f"the file {path} is none of the sandbox's: {said}. Mend it") from None
