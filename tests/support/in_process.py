"""The sandbox and the target in this process, for tests with thousands of short runs.

Everything is real: HTTP on a socket, the journal's file, the workers' threads. Only the process is shared.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from singer_sdk.plugin_base import _ConfigInput

from stripe_flow_sandbox.http.server import Options, build
from stripe_flow_sandbox.state.keys_file import default_keys
from target_stripe_flow.results.origin import Received
from target_stripe_flow.results.outcome import Outcome
from target_stripe_flow.run import Run
from target_stripe_flow.target import TargetStripeFlow
from tests.support.plugins import Message
from tests.support.sandbox import Sandbox


class Loop:
    """An event loop in a thread of its own, for any number of sandboxes one after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandboxes", daemon=True)
        self._thread.start()

    @contextmanager
    def sandbox(self) -> Iterator[Sandbox]:
        """A new and empty sandbox."""
        wire = build(Options(keys=default_keys(livemode=False)))

        async def listen() -> asyncio.Server:
            return await self._loop.create_server(wire.connect, "127.0.0.1", 0)

        server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result()
        running = Sandbox()
        running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield running
        finally:

            async def close() -> None:
                server.close()
                await wire.cut_all()

            asyncio.run_coroutine_threadsafe(close(), self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A run that has ended: its exit code, and the outcome of each record by its line."""

    code: int
    outcomes: Mapping[int, Outcome]

    @property
    def statuses(self) -> dict[int, str]:
        return {line: outcome.status.value for line, outcome in sorted(self.outcomes.items())}


def run_in_process(folder: Path, config: Mapping[str, object], lines: Sequence[Message]) -> Observed:
    """A run of the target with these messages as its input. `config` must have `journal_url`; see `plugins.run`."""
    path = folder / "input.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcomes: dict[int, Outcome] = {}

    def note(end: Callable[[Received, Outcome], None], received: Received, outcome: Outcome) -> None:
        assert received.line not in outcomes, f"line {received.line} has two statuses"
        outcomes[received.line] = outcome
        end(received, outcome)

    class Target(TargetStripeFlow):
        @cached_property
        def run(self) -> Run:
            run = super().run
            end = run.tally.end
            run.tally.end = lambda received, outcome: note(end, received, outcome)  # type: ignore[method-assign]
            return run

    settings = _ConfigInput(config={"source_name": "default", **config})
    code = Target.run_to_exit_code(lambda: Target.execute(config=settings, file_input=str(path)))
    return Observed(code=code, outcomes=outcomes)
