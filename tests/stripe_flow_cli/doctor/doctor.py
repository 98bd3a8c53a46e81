"""`stripe-flow doctor` as a process, and its findings."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.plugins import REQUIRED, Ended, run

CANARY, PASSWORD = "sk_test_sandbox", "canary-password"
Line = dict[str, Any]  # Any: JSON


def doctor(plugin: str, folder: Path, settings: Mapping[str, Any], *options: str, **env: str) -> Ended:
    """Run the command in `folder`, with REQUIRED settings. Asserts that it prints no secret and no traceback."""
    required = REQUIRED.get(f"{plugin}_stripe_flow", {})
    (folder / "doctor.json").write_text(json.dumps({**required, **settings}))
    line = [sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", plugin, "--config", "doctor.json"]
    done = run([*line, *options], folder, **env)
    for secret in (CANARY, PASSWORD, settings["api_key"] or CANARY):
        assert secret not in done.output + done.log
    assert done.log == ""
    return done


def findings(plugin: str, folder: Path, settings: Mapping[str, Any], *options: str, **env: str) -> list[Line]:
    """The lines that it prints with `--json`."""
    done = doctor(plugin, folder, settings, "--json", *options, **env)
    return [json.loads(line) for line in done.output.splitlines()]


def of_check(lines: list[Line], check: str) -> list[tuple[str, str]]:
    """Status and message of one check's findings."""
    return [(line["status"], line["message"]) for line in lines if line["check"] == check]
