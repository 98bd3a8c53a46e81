"""A sandbox as a process: it listens on loopback until a signal ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from stripe_flow_sandbox.faults.faults import Faults, Script
from stripe_flow_sandbox.http.control import Control
from stripe_flow_sandbox.http.pipeline import Pipeline
from stripe_flow_sandbox.http.wire import Wire
from stripe_flow_sandbox.past.density import Density
from stripe_flow_sandbox.past.seeding import Seeding
from stripe_flow_sandbox.service.limits import Limits, Rates
from stripe_flow_sandbox.service.service import Service
from stripe_flow_sandbox.state.clock import Clock
from stripe_flow_sandbox.state.keyring import Keyring
from stripe_flow_sandbox.state.keys_file import KeysFile

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a sandbox. `now`: Unix seconds to start the clock at, None for this machine's time.

    `rates`: the limits of requests, None for no limit.
    """

    keys: KeysFile
    script: Script = field(default_factory=Script)
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    charges: int = 0
    days: int = 30
    density: Density = "even"
    furnish: int = 0
    rates: Rates | None = None
    now: int | None = None
    livemode: bool = False
    exit_with_stdin: bool = False


def run(options: Options, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `announce` gets the base URL once connections are accepted.

    Raises ValueError for a host that is not loopback or an invalid script, OSError if the port is taken.
    """
    if options.host not in LOOPBACK:
        raise ValueError(f"the sandbox listens on loopback only ({', '.join(LOOPBACK)}), not on {options.host}")
    asyncio.run(_serve(options, announce))


async def _serve(options: Options, announce: Callable[[str], None]) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    wire = build(options)
    server = await loop.create_server(wire.connect, options.host, options.port, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    if options.exit_with_stdin:
        _stop_with_stdin(loop, stopped)
    announce(f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{port}")
    await stopped.wait()
    server.close()
    await wire.cut_all()
    for task in tuple(wire.tasks):
        task.cancel()
    await asyncio.gather(*wire.tasks, return_exceptions=True)


def build(options: Options) -> Wire:
    """A sandbox with these options. Raises ValueError for an invalid script."""
    clock = Clock(options.now)
    first_account = next(iter(options.keys.accounts))
    seeding = Seeding(
        seed=options.seed,
        charges=options.charges,
        days=options.days,
        density=options.density,
        now=clock.now(),
        livemode=options.livemode,
        accounts=options.keys.accounts,
        furnish=options.furnish,
    )
    service = Service(clock, Keyring(options.keys), seeding, Limits(options.rates))
    # Seed and furnish the first account now, so that the first request does not wait for it.
    service.space(first_account, livemode=options.livemode)
    faults = Faults(options.script)
    control = Control(service, faults, account=first_account, livemode=options.livemode)
    return Wire(Pipeline(service, faults), control)


def _stop_with_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """Set `stopped` when stdin ends. A parent that dies closes it, so no sandbox outlives its test."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stopped.set)

    # A daemon thread with a plain read does not keep the process alive after a signal.
    threading.Thread(target=wait, daemon=True).start()
