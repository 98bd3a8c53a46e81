"""Our commands as separate processes, without the seconds that their imports take.

A server that has imported them forks one for each run. A fork is a process like any other: it has its own environment,
folder and standard streams, and takes signals, SIGKILL included. Runs that need LD_PRELOAD are started instead.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Self

# Variables that only a newly started process obeys: the preloaded library, and what that reads.
UNDER = ("LD_PRELOAD", "CLOCK_SHIFT_S", "CLOCK_SHIFT_FILE")
# Module that `python -m` runs → modules to import in advance.
MODULES: Mapping[str, Sequence[str]] = {
    "tap_stripe_flow": ("tap_stripe_flow.tap",),
    "target_stripe_flow": ("target_stripe_flow.target",),
    "stripe_flow_cli": ("stripe_flow_cli.root", "target_stripe_flow.target", "stripe_flow_sandbox.http.server"),
    "tap_records": ("tap_records.tap",),
    "tests.kills.target.launcher": ("tests.kills.target.launcher",),
}


class Forked:
    """The part of subprocess.Popen that the tests need."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self.returncode
        if code is None:
            raise subprocess.TimeoutExpired([str(self._process.name)], timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait()


Running = Forked | subprocess.Popen[bytes]


def started(
    line: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    given: Path,
    output: Path,
    log: Path,
    change: Callable[[], None] | None = None,
) -> Running:
    """A command line started in `folder`; `given` is its standard input, `output` and `log` its standard streams.

    `change`, a function of a module, changes the process before it starts; only for a command line that is forked.
    """
    if line[:2] == [sys.executable, "-m"] and line[2] in MODULES and _is_forked(env):
        streams = tuple(str(path.absolute()) for path in (given, output, log))
        process = _server().Process(target=_run, args=(list(line[2:]), str(folder), dict(env), streams, change))
        process.start()
        return Forked(process)
    assert change is None
    with given.open("rb") as read, output.open("wb") as write, log.open("wb") as errors:
        return subprocess.Popen(line, cwd=folder, env=env, stdin=read, stdout=write, stderr=errors)


def _is_forked(env: Mapping[str, str]) -> bool:
    """Whether a fork can run this: it has the preloaded libraries of this process."""
    return sys.platform == "linux" and all(env.get(name) == os.environ.get(name) for name in UNDER)


def prepare() -> None:
    """Start the fork server: it imports our commands while pytest collects tests."""
    if sys.platform == "linux":
        _server()
        forkserver.ensure_running()


@functools.cache
def _server() -> ForkServerContext:
    """The fork server of this process; it ends with it."""
    context = multiprocessing.get_context("forkserver")
    imported = [name for names in MODULES.values() for name in names]
    context.set_forkserver_preload(["pytest", __name__, *imported])
    return context


def _run(
    line: Sequence[str],
    folder: str,
    env: Mapping[str, str],
    streams: Sequence[str],
    change: Callable[[], None] | None,
) -> None:
    """Run a module with its options in the new process, as `python -m` would."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    writes = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, writes, writes), strict=True)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # for as long as the process lives
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # see stdin
    sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115  # see stdin
    if change is not None:
        change()
    sys.argv = list(line)
    runpy.run_module(line[0], run_name="__main__", alter_sys=True)
