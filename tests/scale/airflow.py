"""A real Airflow: its command line, its services as processes of the tests, and its database."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import psutil  # type: ignore[import-untyped]  # only a few attributes are used

from tests.support.plugins import clean_env
from tests.support.postgres import asked

# Airflow takes a worker without a heartbeat for this long for dead; a busy machine stays below it.
SILENCE_S = 20
START_S, COMMAND_S, RUN_S = 180, 300, 600


@dataclass(frozen=True, kw_only=True)
class Airflow:
    """`database`: the URL of its metadata; `settings`: environment variables of its processes and tasks."""

    home: Path
    database: str
    settings: Mapping[str, str]

    def with_settings(self, **settings: str) -> Self:
        """The same Airflow with more environment variables."""
        return replace(self, settings={**self.settings, **settings})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [os.environ["AIRFLOW_BIN"], *arguments],
            cwd=self.home,
            env=clean_env(**self.settings),
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def did(self, *arguments: str) -> str:
        """The standard output of a command that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def trigger(self, dag: str, run: str, **conf: str) -> None:
        self.did("dags", "unpause", dag)
        self.did("dags", "trigger", dag, "--run-id", run, "--conf", json.dumps(conf))

    def asked(self, query: str) -> list[tuple[Any, ...]]:  # Any: what the columns hold
        return asked(self.database, query)

    def rest(self) -> None:
        """Pause all DAGs, and fail the runs that a test has left unfinished."""
        self.asked("UPDATE dag SET is_paused = true RETURNING dag_id")
        self.asked("UPDATE dag_run SET state = 'failed' WHERE state IN ('queued', 'running') RETURNING run_id")

    def state(self, run: str) -> str:
        return str(self.asked(f"SELECT state FROM dag_run WHERE run_id = '{run}'")[0][0])

    def wait_for(self, run: str) -> None:
        """Wait until the DAG's run has succeeded."""
        wait_until(lambda: self.state(run) in {"success", "failed"}, RUN_S, f"the end of {run}")
        assert self.state(run) == "success", self.tries(run)

    def tries(self, run: str) -> list[tuple[int, int, str, Any, Any]]:  # Any: moments, or none
        """(map index, try, state, start, end) of each try of the DAG's mapped runs, earlier ones included."""
        columns = "map_index, try_number, state, start_date, end_date"
        found = [
            each
            for table in ("task_instance", "task_instance_history")
            for each in self.asked(f"SELECT {columns} FROM {table} WHERE run_id = '{run}' AND task_id = 'run'")
        ]
        return sorted(set(found), key=lambda each: each[:2])

    def logs(self, run: str) -> str:
        """The logs of all tries of the run."""
        return "".join(each.read_text() for each in sorted((self.home / "logs").glob(f"**/run_id={run}/**/*.log")))

    @contextmanager
    def serving(self, executor: str) -> Iterator[Service]:
        """The scheduler and the services that it needs, until the block ends; Celery workers are separate."""
        port = a_free_port()
        here = self.with_settings(
            AIRFLOW__CORE__EXECUTOR=executor,
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://127.0.0.1:{port}/execution/",
        )
        with (
            Service(here, "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            Service(here, "dag-processor"),
            Service(here, "scheduler") as scheduler,
        ):
            wait_until(lambda: is_healthy(port), START_S, "the API server")
            yield scheduler


class Service:
    """One of Airflow's processes; it ends with the block, together with its children."""

    def __init__(self, airflow: Airflow, *arguments: str) -> None:
        self.airflow = airflow
        self._line = [os.environ["AIRFLOW_BIN"], *arguments]
        self._log = airflow.home / f"{'-'.join(arguments[:2])}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        env = clean_env(**self.airflow.settings)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._line, cwd=self.airflow.home, env=env, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                kill(psutil.Process(process.pid))
            process.wait()


def kill(root: psutil.Process) -> None:
    """Kill a process and its descendants, as when the machine is switched off."""
    tree = [root, *root.children(recursive=True)]
    for each in tree:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(tree[1:], timeout=10)


def is_healthy(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=10) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until(holds: Callable[[], object], timeout_s: float, what: str) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(0.25)
