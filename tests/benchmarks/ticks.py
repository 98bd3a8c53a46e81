"""The requests of a run that finds nothing new, ten minutes after the last one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.plugins import catalog_of, ended_well, need_settings
from tests.benchmarks.scale import DAYS
from tests.support.plugins import Message, a_config, run_tap
from tests.support.sandbox import Sandbox

STREAMS = ("charges", "refunds")
TICK_S = 600
CHARGES = 300
# Not a list: the account of the key, read once a run if `account_ids` names `self`.
WHO_AM_I = "/v1/account"


def list_requests_of_ticks(rounds: int, **settings: object) -> list[float]:
    """List requests per stream and account, tick after tick. Raises Unmeasured."""
    with (
        Sandbox("--seed", "1", "--charges", str(CHARGES), "--days", str(DAYS)) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        ticks = _Ticks(sandbox, Path(folder), settings)
        ticks.run()
        ticks.run()  # the backfill's last records are settled only now
        return [ticks.run() for _ in range(rounds)]


class _Ticks:
    """Runs, each with the state of the one before."""

    def __init__(self, sandbox: Sandbox, folder: Path, settings: dict[str, object]) -> None:
        need_settings(folder, *settings)
        self._sandbox, self._folder = sandbox, folder
        self._config = a_config(sandbox.url, **settings)
        self._catalog = catalog_of(folder, self._config, *STREAMS)
        accounts = settings.get("account_ids")
        self._lists = len(STREAMS) * (len(accounts) if isinstance(accounts, list) else 1)
        self._state: Message | None = None

    def run(self) -> float:
        before = len(self._sandbox.requests())
        ended = ended_well(run_tap(self._folder, self._config, state=self._state, catalog=self._catalog))
        self._state = ended.states[-1]
        asked = [each["path"] for each in self._sandbox.requests()[before:] if each["path"] != WHO_AM_I]
        self._sandbox.advance(TICK_S)
        return len(asked) / self._lists
