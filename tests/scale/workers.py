"""Workers that a test can kill: Airflow's local ones, or two of Celery."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

import psutil  # type: ignore[import-untyped]  # only a few attributes are used

from tests.scale.airflow import START_S, Airflow, Service, a_free_port, kill, wait_until
from tests.support.needs import need


class Workers(Protocol):
    def kill(self, plugin: psutil.Process) -> None:
        """Kill the worker whose task runs this plugin process, with its children."""


class Local:
    """The children of a scheduler, one for each task."""

    def __init__(self, scheduler: Service) -> None:
        self._scheduler = scheduler

    def kill(self, plugin: psutil.Process) -> None:
        kill(next(each for each in plugin.parents() if each.ppid() == self._scheduler.process.pid))


class Celery:
    """Celery workers as services; a killed one is replaced."""

    def __init__(self, workers: list[Service]) -> None:
        self._workers = workers

    def kill(self, plugin: psutil.Process) -> None:
        above = plugin.parents()
        worker = next(each for each in self._workers if each.process in above)
        worker.kill()
        worker.__enter__()


@contextmanager
def local(airflow: Airflow) -> Iterator[Workers]:
    with airflow.serving("LocalExecutor") as scheduler:
        yield Local(scheduler)


@contextmanager
def celery(airflow: Airflow) -> Iterator[Workers]:
    """Two Celery workers with one task each, and their own broker."""
    with ExitStack() as stack:
        broker = stack.enter_context(redis())
        there = airflow.with_settings(
            AIRFLOW__CELERY__BROKER_URL=broker,
            AIRFLOW__CELERY__RESULT_BACKEND=airflow.database.replace("postgresql://", "db+postgresql+psycopg2://"),
        )
        scheduler = stack.enter_context(there.serving("CeleryExecutor"))
        options = ("celery", "worker", "--concurrency", "1", "--skip-serve-logs", "--celery-hostname")
        names = ("one@localhost", "two@localhost")
        yield Celery([stack.enter_context(Service(scheduler.airflow, *options, name)) for name in names])


@contextmanager
def redis() -> Iterator[str]:
    port = a_free_port()
    line = [
        need("redis-server", "redis-server"),
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: _answers(port), START_S, "redis")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()


def _answers(port: int) -> bool:
    ping = ["redis-cli", "-p", str(port), "ping"]
    return subprocess.run(ping, capture_output=True, check=False).stdout == b"PONG\n"
