"""Runs the tap as a process and kills it after a number of bytes of its output."""

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

# Longer than any run takes: a process without output for this time hangs.
TIMEOUT_S = 120
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A finished process. `was_killed`: it was running when the signal was sent, and ended by it."""

    written: bytes
    code: int
    was_killed: bool
    log: str


def run_until_killed(
    line: Sequence[str], folder: Path, *, after_bytes: int, pipe_bytes: int, sent: signal.Signals = signal.SIGKILL
) -> Ended:
    """Run the command and send it a signal after `after_bytes` bytes were read, unless it ends before.

    The pipe holds `pipe_bytes` more bytes of its output.

    Raises TimeoutError if the output stops for TIMEOUT_S.
    """
    log = folder / "log.txt"
    with _a_pipe(folder / "pipe", pipe_bytes) as output:
        tap = started(line, folder, clean_env(), given=Path(os.devnull), output=folder / "pipe", log=log)
        try:
            written = _read(output, after_bytes)
            is_alive = len(written) >= after_bytes and tap.poll() is None
            if is_alive:
                tap.send_signal(sent)
            written += _read(output, sys.maxsize)
            code = tap.wait(TIMEOUT_S)
        finally:
            tap.kill()
    was_killed = is_alive and code in {-sent, 128 + sent}
    return Ended(written=bytes(written), code=code, was_killed=was_killed, log=log.read_text(errors="replace"))


@contextmanager
def _a_pipe(path: Path, size_bytes: int) -> Iterator[int]:
    """The reading end of a named pipe at `path`."""
    os.mkfifo(path)
    output = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, size_bytes)
        yield output
    finally:
        os.close(output)
        path.unlink()


def _read(descriptor: int, most_bytes: int) -> bytearray:
    """`most_bytes` bytes, or fewer at the end of the output."""
    read, deadline_s = bytearray(), time.monotonic() + TIMEOUT_S
    while len(read) < most_bytes:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise TimeoutError(f"the tap wrote {len(read)} bytes in {TIMEOUT_S} s and then nothing")
        part = os.read(descriptor, min(_READ_BYTES, most_bytes - len(read)))
        if not part:
            break
        read += part
    return read
