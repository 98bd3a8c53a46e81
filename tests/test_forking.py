"""A forked run behaves like a started one: the same output and exit code, and it takes signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.forking import Forked, Running, started
from tests.support.plugins import a_config, clean_env, command
from tests.support.sandbox import Sandbox


def forked(line: list[str], folder: Path, **env: str) -> Running:
    given, output, log = (folder / name for name in ("given", "output", "log"))
    given.write_bytes(b"")
    return started(line, folder, clean_env(**env), given=given, output=output, log=log)


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize(
    "options",
    [
        ["tap_stripe_flow", "--about", "--format=json"],
        ["target_stripe_flow", "--no-such-option"],
        ["target_stripe_flow", "--config", "nowhere.json"],
        ["stripe_flow_cli", "journal", "show", "what"],
        ["stripe_flow_cli"],
    ],
)
def test_a_forked_command_prints_and_exits_like_a_started_one(options: list[str], tmp_path: Path) -> None:
    line = [sys.executable, "-m", *options]
    other = subprocess.run(
        line, cwd=tmp_path, env=clean_env(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )

    running = forked(line, tmp_path)

    assert isinstance(running, Forked)
    assert running.wait(60) == other.returncode
    assert (tmp_path / "output").read_bytes() == other.stdout
    assert (tmp_path / "log").read_bytes() == other.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_signals_reach_a_forked_command(number: int, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults({"name": "hold", "match": {"method": "GET"}, "at": "before_execute", "action": {"kind": "hold"}})
    running = forked(command("tap_stripe_flow", tmp_path, a_config(sandbox.url)), tmp_path)
    sandbox.wait_until_held("hold")

    running.send_signal(number)

    assert running.wait(60) == (-signal.SIGKILL if number == signal.SIGKILL else 128 + signal.SIGTERM)


def test_a_preloaded_library_needs_a_started_process(tmp_path: Path) -> None:
    with forked([sys.executable, "-m", "stripe_flow_cli", "--version"], tmp_path, LD_PRELOAD="") as running:
        assert isinstance(running, subprocess.Popen)


def test_a_forked_command_has_its_own_folder_and_environment(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "tap_stripe_flow", "--config", "ENV", "--config", "here.json", "--discover"]
    (tmp_path / "here.json").write_text('{"api_key": "sk_test_x"}')

    good = forked(line, tmp_path).wait(60)
    bad = forked(line, tmp_path, TAP_STRIPE_FLOW_OVERLAP_S="x").wait(60)

    assert (good, bad) == (0, 1)
    assert "TAP_STRIPE_FLOW_OVERLAP_S" in (tmp_path / "log").read_text()
