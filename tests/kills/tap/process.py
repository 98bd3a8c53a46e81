"""The tap as a process that may be killed after so many bytes of its output."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.forking import started
from tests.support.plugins import clean_env

# Longer than any run takes; whoever is silent so long hangs.
LIFE_S = 120
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that is over. `was_killed`: it lived when SIGKILL was sent, and SIGKILL is what it died of."""

    written: bytes
    code: int
    was_killed: bool
    log: str


def run_until_killed(line: Sequence[str], folder: Path, *, after_bytes: int, pipe_bytes: int) -> Ended:
    """Kill it once `after_bytes` were read, unless it ends before; it can be ahead of us by `pipe_bytes`.

    Raises TimeoutError if it does not come so far in time.
    """
    log = folder / "log.txt"
    with _a_pipe(folder / "pipe", pipe_bytes) as output:
        tap = started(line, folder, clean_env(), given=Path(os.devnull), output=folder / "pipe", log=log)
        try:
            written = _read(output, after_bytes)
            lived = len(written) >= after_bytes and tap.poll() is None
            if lived:
                tap.kill()
            written += _read(output, sys.maxsize)
            code = tap.wait(LIFE_S)
        finally:
            tap.kill()
    was_killed = lived and code == -signal.SIGKILL
    return Ended(written=bytes(written), code=code, was_killed=was_killed, log=log.read_text(errors="replace"))


@contextmanager
def _a_pipe(path: Path, size_bytes: int) -> Iterator[int]:
    """Its reading end; who opens the path writes into it."""
    os.mkfifo(path)
    output = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, size_bytes)
        yield output
    finally:
        os.close(output)
        path.unlink()


def _read(descriptor: int, most_bytes: int) -> bytearray:
    """So many bytes, or fewer if there are no more."""
    read, deadline_s = bytearray(), time.monotonic() + LIFE_S
    while len(read) < most_bytes:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise TimeoutError(f"the tap wrote {len(read)} bytes in {LIFE_S} s and then nothing")
        part = os.read(descriptor, min(_READ_BYTES, most_bytes - len(read)))
        if not part:
            break
        read += part
    return read
