"""Runs the tap: as the real command in its own process, or in this process where a property needs many runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tap_records.tap import TapRecords
from tests.support.forking import started
from tests.support.hangups import hangups

COMMAND = (sys.executable, "-m", "tap_records")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A finished run: exit code, standard output, and the error lines of standard error."""

    code: int
    output: str
    log: str

    @property
    def messages(self) -> list[dict[str, Any]]:  # Any: JSON
        return [read_message(line) for line in self.output.splitlines()]

    @property
    def errors(self) -> list[str]:
        """The texts after `| ERROR | tap-records |` on standard error."""
        return [line.split("|", 3)[3].strip() for line in self.log.splitlines() if "| ERROR " in line]


def run(folder: Path, files: object, *options: str, env: Mapping[str, str] | None = None) -> Ended:
    """Run the command in `folder` with the setting `files`."""
    return run_bare(folder, "--config", write_config(folder, files), *options, env=env)


def run_bare(folder: Path, *options: str, env: Mapping[str, str] | None = None) -> Ended:
    with tempfile.TemporaryDirectory() as files:
        given, output, log = Path(os.devnull), Path(files) / "output", Path(files) / "log"
        running = started([*COMMAND, *options], folder, clean_env(env), given=given, output=output, log=log)
        try:
            code = running.wait(60)
        finally:
            running.kill()
        return Ended(code=code, output=output.read_text(encoding="utf-8"), log=log.read_text(encoding="utf-8"))


def start(folder: Path, files: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the command in `folder`, with pipes from its output and its log."""
    command = [*COMMAND, "--config", write_config(folder, files)]
    with hangups(ignored=False):
        return subprocess.Popen(
            command, cwd=folder, env=clean_env(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )


def write_config(folder: Path, files: object) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps({"files": files}), encoding="utf-8")
    return str(path)


def clean_env(more: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "MELTANO_PROJECT_ROOT"}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), kept.get("PYTHONPATH")]))
    return {**kept, **(more or {})}


def records(*files: Mapping[str, object]) -> list[dict[str, Any]]:  # Any: JSON
    """The records of one run in this process; numbers with a fraction are Decimal."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        TapRecords(config={"files": list(files)}).sync_all()
    messages = [read_message(line) for line in output.getvalue().splitlines()]
    return [message["record"] for message in messages if message["type"] == "RECORD"]


def read_message(line: str | bytes) -> dict[str, Any]:  # Any: JSON
    message: dict[str, Any] = json.loads(line, parse_float=Decimal)  # Any: JSON
    return message
