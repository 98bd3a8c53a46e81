"""The measured memory does not depend on the process that measures."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.benchmarks.processes import Process, Used

MIB = 1 << 20


def used(program: str, folder: Path, *, is_killed: bool = False) -> Used:
    with TemporaryFile() as errors:
        process = Process([sys.executable, "-c", program], folder, stdin=Path("/dev/null"), errors=errors)
        if is_killed:
            process.output.readline()
            process.kill()
        process.output.read()
        return process.wait()


def test_a_small_process_is_small_to_a_large_one(tmp_path: Path) -> None:
    large = bytearray(400 * MIB)
    large[::4096] = b"x" * len(large[::4096])  # touches every page, so that the memory is really used

    small, grown = (used(f"bytearray(b'x' * {size})", tmp_path) for size in (1, 100 * MIB))

    assert small.peak_bytes < 50 * MIB
    assert 100 * MIB < grown.peak_bytes < 300 * MIB
    assert len(large) == 400 * MIB


@pytest.mark.parametrize(("program", "code"), [("", 0), ("raise SystemExit(7)", 7)])
def test_its_exit_code_is_reported(program: str, code: int, tmp_path: Path) -> None:
    assert used(program, tmp_path).code == code


def test_it_can_be_killed(tmp_path: Path) -> None:
    program = "import time; print(flush=True); time.sleep(60)"

    assert used(program, tmp_path, is_killed=True).code == -signal.SIGKILL
