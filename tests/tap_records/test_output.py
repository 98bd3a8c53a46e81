"""Output: row by row, only whole lines however the run ends, and no error when the reader closes the pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tap_records.command import start

PIPE = [{"path": "rows.jsonl", "stream": "rows"}]


@contextmanager
def started(folder: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The command reading `rows.jsonl`; it is killed when the block ends."""
    with start(folder, PIPE, env) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[bytes]) -> dict[str, object]:
    assert process.stdout
    line: dict[str, object] = json.loads(process.stdout.readline())
    return line


def test_a_row_is_written_before_the_next_one_arrives(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")

    with started(tmp_path) as process:
        with (tmp_path / "rows.jsonl").open("w", encoding="utf-8") as rows:
            schema = next_line(process)
            seen = []
            for number in range(3):
                print(json.dumps({"id": number}), file=rows, flush=True)
                seen.append(next_line(process)["record"])
        state = next_line(process)

        assert (schema["type"], state["type"]) == ("SCHEMA", "STATE")
        assert seen == [{"id": 0}, {"id": 1}, {"id": 2}]
        assert process.wait(30) == 0


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_while_waiting_for_rows_ends_the_run(tmp_path: Path, signum: signal.Signals, code: int) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")

    with started(tmp_path) as process, (tmp_path / "rows.jsonl").open("w", encoding="utf-8") as rows:
        print('{"id": 1}', file=rows, flush=True)
        kinds = [next_line(process)["type"], next_line(process)["type"]]
        process.send_signal(signum)
        rest, log = process.communicate(timeout=30)

    assert kinds == ["SCHEMA", "RECORD"]
    assert (process.returncode, rest) == (code, b"")
    assert b"Traceback" not in log


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_ends_the_run_after_the_current_line(tmp_path: Path, unbuffered: str) -> None:
    # Longer than a pipe holds, so the write of the first record is under way until the reader goes on.
    long = {"id": 1, "text": "x" * 1_000_000}
    (tmp_path / "rows.jsonl").write_text((json.dumps(long) + "\n") * 50, encoding="utf-8")

    with started(tmp_path, {"PYTHONUNBUFFERED": unbuffered}) as process:
        schema = next_line(process)
        assert process.stdout
        head = process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        rest, log = process.communicate(timeout=30)

    records = [json.loads(line)["record"] for line in (head + rest).splitlines()]
    assert schema["type"] == "SCHEMA"
    assert (head + rest).endswith(b"\n")
    assert records == [long]
    assert process.returncode == 143
    assert b"Traceback" not in log


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_ends_the_run_with_one_line(tmp_path: Path, unbuffered: str) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1}\n' * 100_000, encoding="utf-8")

    with started(tmp_path, {"PYTHONUNBUFFERED": unbuffered}) as process:
        next_line(process)
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        log = process.stderr.read()
        code = process.wait(30)

    assert code == 1
    assert log.count(b"ERROR") == 1
    assert b"The reader of standard output has ended" in log
    assert b"Traceback" not in log
    assert b"Exception ignored" not in log
