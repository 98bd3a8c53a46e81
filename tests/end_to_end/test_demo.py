"""`make demo`, as a person meets it: in a fresh copy, against a sandbox, interrupted, against a server of one's own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Project
from tests.support.sandbox import PLATFORM, Sandbox

DEMO_S = 300


def demo(project: Project, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/demo.py"],
        cwd=project.root,
        env=project.env(**env),
        capture_output=True,
        text=True,
        timeout=DEMO_S,
        check=False,
    )


def test_the_second_round_does_nothing(project: Project) -> None:
    done = demo(project)

    assert done.returncode == 0, done.stdout + done.stderr
    assert row(done.stdout, "created") == (11, 0)
    assert row(done.stdout, "unchanged") == (0, 11)
    assert row(done.stdout, "charges", after="JSONL")[1] == 0
    first, second = row(done.stdout, "charges", after="DuckDB")
    assert first == second == row(done.stdout, "charges", after="JSONL")[0] > 300
    assert project.left_over() == []


def test_ctrl_c_leaves_no_process_behind(project: Project) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "scripts/demo.py"],
        cwd=project.root,
        env=project.env(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("Round 1: Stripe"):
                break
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()

    assert running.returncode == 130
    assert "nothing is left running" in rest
    assert project.left_over() == []


def test_a_live_key_is_refused(project: Project) -> None:
    done = demo(project, LIVE_TEST="1", STRIPE_API_KEY="sk_live_canary0123")

    assert done.returncode == 1
    assert "use a test key" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize("may_charge", [True, False])
def test_a_server_of_ones_own_is_used(project: Project, tmp_path: Path, *, may_charge: bool) -> None:
    described = {
        "accounts": {PLATFORM: {"can_create_charges": may_charge}},
        "keys": {"sk_test_mine": {"account": PLATFORM}},
    }
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(described))

    with Sandbox("--keys", str(keys)) as outside:
        done = demo(project, LIVE_TEST="1", STRIPE_API_KEY="sk_test_mine", STRIPE_BASE_URL=outside.url)
        charged = [each for each in outside.objects("charge") if each["status"] == "succeeded"]
        customers = outside.objects("customer")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"Using account {PLATFORM} in test mode")
    assert ("This account may not create charges" in done.stdout) is not may_charge
    assert len(charged) == (6 if may_charge else 0)
    assert len(customers) == 3


def row(table: str, name: str, after: str = "") -> tuple[int, int]:
    """The two figures of a line of the demo's table."""
    found = re.search(rf"^  {name} +(\d+) +(\d+)$", table[table.index(f"{after}\n") if after else 0 :], re.MULTILINE)
    assert found, table
    return int(found[1]), int(found[2])
