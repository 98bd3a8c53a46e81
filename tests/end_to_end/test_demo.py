"""`make demo` as a user runs it: in a fresh copy, against a sandbox, interrupted, against a given server."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # used in two lines
import pytest

from scripts.demo import first_line, running
from tests.end_to_end.conftest import Project
from tests.support.plugins import ROOT, clean_env
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


@pytest.mark.volume
@pytest.mark.promise("meltano", "The demo's second round creates and writes nothing")
def test_the_second_round_does_nothing(project: Project) -> None:
    done = demo(project)

    assert done.returncode == 0, done.stdout + done.stderr
    assert row(done.stdout, "created") == (11, 0)
    assert row(done.stdout, "unchanged") == (0, 11)
    assert row(done.stdout, "charges", after="JSONL")[1] == 0
    first, second = row(done.stdout, "charges", after="DuckDB")
    assert first == second == row(done.stdout, "charges", after="JSONL")[0] > 300
    assert project.left_over() == []


@pytest.mark.volume
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


UNWILLING = """
import os, signal, time
# no print: the signal may come in the middle of the one below, and print cannot be entered twice
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"asked to end\\n"))
print("up", flush=True)
while True:
    time.sleep(60)
"""
WITH_AN_UNWILLING_CHILD = f"""
import sys
from scripts import demo
demo.STOP_S = 2
with demo.running([sys.executable, "-c", {UNWILLING!r}]) as child:
    print(child.pid, flush=True)
    child.wait()
"""


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_leaves_no_process_behind_either(first: signal.Signals) -> None:
    script = WITH_AN_UNWILLING_CHILD.replace("with ", "demo.signal.signal(15, lambda *_: sys.exit(143))\nwith ", 1)
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = {running.stdout.readline().strip(), running.stdout.readline().strip()}
        child = int((said - {"up"}).pop())
        running.send_signal(first)
        asked = running.stdout.readline().strip()

        running.send_signal(signal.SIGINT)
        running.wait(10)
        left = psutil.pid_exists(child)
        if left:
            psutil.Process(child).kill()

    assert asked == "asked to end"
    assert not left


def test_a_step_that_takes_too_long_is_one_clear_line(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from scripts import demo; demo.INSTALL_S = 0.1; "
    script += f"demo.ROOT = demo.HOME = Path({str(tmp_path)!r}) / 'demo'; demo.ROOT.mkdir(); sys.exit(demo.main())"

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=clean_env(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert re.fullmatch(r"The demo stops: `meltano install` was not done after 0.1 s, see .*meltano.log\n", done.stderr)


@pytest.mark.parametrize("says", ["", "print('http://127', end='', flush=True); "])
def test_the_demo_stops_waiting_for_a_silent_sandbox(says: str) -> None:
    command = [sys.executable, "-c", f"{says}import time; time.sleep(60)"]

    with running(command, stdout=subprocess.PIPE) as child:
        said = first_line(child, 0.5)
    child.communicate()  # closes the pipe

    assert said == ""


def test_a_live_key_is_refused(project: Project) -> None:
    done = demo(project, LIVE_TEST="1", STRIPE_API_KEY="sk_live_canary0123")

    assert done.returncode == 1
    assert "use a test key" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.volume
@pytest.mark.parametrize("may_charge", [True, False])
def test_the_demo_uses_a_given_server(project: Project, tmp_path: Path, *, may_charge: bool) -> None:
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
