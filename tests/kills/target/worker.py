"""One of several targets that share a journal."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kills.target.journals import OnPostgres
from tests.kills.target.ordeal import LIFE_S, Died, rejects_in
from tests.kills.target.rows import Row, messages
from tests.support.forking import Running, started
from tests.support.plugins import a_config, clean_env
from tests.support.sandbox import Sandbox


@dataclass
class Worker:
    """A folder, and the process that runs in it now."""

    folder: Path
    process: Running | None = None
    rows: Sequence[Row] = ()
    stopped_until: float = 0

    @property
    def pid(self) -> int:
        """The pid of the running process."""
        assert self.process is not None
        return self.process.pid

    def start(self, sandbox: Sandbox, url: str, rows: Sequence[Row]) -> None:
        """Start a target that reads these rows."""
        self.rows = rows
        (self.folder / "input.jsonl").write_bytes(messages(rows))
        config = a_config(sandbox.url, source_name="default", concurrency=4, **OnPostgres(url).settings)
        (self.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        read, output, log = (self.folder / name for name in ("input.jsonl", "output.txt", "log.txt"))
        line = [sys.executable, "-m", "target_stripe_flow", "--config", str(self.folder / "config.json")]
        self.process = started(line, self.folder, clean_env(), given=read, output=output, log=log)

    def ended(self) -> Died:
        """Wait for the end of the process."""
        assert self.process is not None
        code = self.process.wait(LIFE_S)
        output, log = (self.folder / "output.txt").read_text(), (self.folder / "log.txt").read_text(errors="replace")
        self.process, self.stopped_until = None, 0
        return Died(was_killed=code == -signal.SIGKILL, code=code, output=output, log=log)

    def rejects(self) -> list[tuple[str, str]]:
        """The row and reason of each record in its rejects file."""
        return rejects_in(self.folder / "stripe-flow-rejects.jsonl")
