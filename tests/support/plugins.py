"""Runs our plugins as a user does: real processes, with a configuration file, standard input and output."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forking import started

ROOT = Path(__file__).parents[2]

# Settings that a plugin requires and `a_config`, which serves every plugin, does not have.
REQUIRED: Mapping[str, Mapping[str, object]] = {"target_stripe_flow": {"source_name": "default"}}

# Longer than any of these runs takes.
LIFE_S = 120

Message = dict[str, Any]  # Any: JSON, as the tests read it


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A finished run: its exit code, standard output and standard error."""

    code: int
    output: str
    log: str

    @property
    def messages(self) -> list[Message]:
        return [json.loads(line) for line in self.output.split("\n") if line]

    def records(self, stream: str) -> list[Message]:
        return [each["record"] for each in self.messages if each["type"] == "RECORD" and each["stream"] == stream]

    @property
    def states(self) -> list[Message]:
        """The values of the STATE messages of a tap."""
        return [each["value"] for each in self.messages if each["type"] == "STATE"]

    @property
    def errors(self) -> list[str]:
        """The errors on standard error."""
        logged = [line.split("|", 3)[3].strip() for line in self.log.splitlines() if "| ERROR " in line]
        return logged + [line for line in self.log.splitlines() if line.startswith(("Error: ", "Traceback"))]

    @property
    def summary(self) -> str:
        """The target's line of totals."""
        return next(line.split("|", 3)[3].strip() for line in self.log.splitlines() if " records: " in line)


def command(plugin: str, folder: Path, config: Mapping[str, object], *options: str) -> list[str]:
    """The command line of a plugin's module, its configuration written into `folder`.

    Settings in REQUIRED that `config` does not have are added.
    """
    path = folder / f"{plugin}.json"
    path.write_text(json.dumps({**REQUIRED.get(plugin, {}), **config}), encoding="utf-8")
    return [sys.executable, "-m", plugin, "--config", str(path), *options]


def clean_env(**more: str) -> dict[str, str]:
    """This process's environment without settings of the plugins that a user may have set."""
    theirs = ("TAP_", "TARGET_", "STRIPE_", "MELTANO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


def run(
    line: Sequence[str], folder: Path, stdin: bytes = b"", change: Callable[[], None] | None = None, /, **env: str
) -> Ended:
    """Run a command line in `folder` to its end; `stdin` is its standard input; for `change` see `started`."""
    with tempfile.TemporaryDirectory() as files:
        read, output, log = (Path(files) / name for name in ("given", "output", "log"))
        read.write_bytes(stdin)
        running = started(line, folder, clean_env(**env), given=read, output=output, log=log, change=change)
        try:
            code = running.wait(LIFE_S)
        finally:
            running.kill()
        return Ended(code=code, output=output.read_text(encoding="utf-8"), log=log.read_text(encoding="utf-8"))


def run_tap(
    folder: Path,
    config: Mapping[str, object],
    *options: str,
    state: Message | None = None,
    catalog: Message | None = None,
) -> Ended:
    files = {"--state": state, "--catalog": catalog}
    for option, value in files.items():
        if value is not None:
            path = folder / f"given{option}.json"
            path.write_text(json.dumps(value), encoding="utf-8")
            options = (*options, option, str(path))
    return run(command("tap_stripe_flow", folder, config, *options), folder)


def run_target(folder: Path, config: Mapping[str, object], lines: Iterable[Message | bytes]) -> Ended:
    """The target's run with these messages as input; bytes are passed unchanged."""
    stdin = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    return run(command("target_stripe_flow", folder, config), folder, stdin)


def a_config(url: str, **settings: object) -> dict[str, object]:
    """The settings for a sandbox, without limits of requests per second."""
    limits = {"max_requests_per_second": 0, "max_requests_per_second_total": 0}
    return {"api_key": "sk_test_sandbox", "base_url": url} | limits | settings


def a_schema(stream: str, *key_properties: str) -> Message:
    keys = list(key_properties or ("id",))
    return {"type": "SCHEMA", "stream": stream, "schema": {"properties": {}}, "key_properties": keys}


def a_record(stream: str, **record: object) -> Message:
    return {"type": "RECORD", "stream": stream, "record": record}


def a_state(**value: object) -> Message:
    return {"type": "STATE", "value": value}
