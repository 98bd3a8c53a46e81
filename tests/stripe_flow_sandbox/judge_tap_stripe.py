"""A check by an independent tap: does tap-stripe read all objects of the sandbox?

`python -m tests.stripe_flow_sandbox.judge_tap_stripe` makes an environment of its own for tap-stripe (needs the package
index), lets it discover and sync charges, customers and products, and compares their ids with those of the server.
After the lists it reads the events and emits their objects again: no object may be emitted more often than that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tests.support
from tests.support.sandbox import PLATFORM, Sandbox

TAP = "tap-stripe==3.3.0"
# stripe 5.5 of that time imports pkg_resources, which newer setuptools have no more.
BESIDE = "setuptools<81"
STREAMS = {"charges": "charge", "customers": "customer", "products": "product"}
LAUNCHER = Path(next(iter(tests.support.__path__))) / "tap_stripe_launcher.py"
# For each command that is run; the slowest is the installation over a slow network.
TIMEOUT_S = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, default=Path(".venv-judge"), help="where tap-stripe lives or will live")
    parser.add_argument("--charges", type=int, default=1000)
    options = parser.parse_args()
    python = environment(options.venv)
    with Sandbox("--seed", "5", "--charges", str(options.charges)) as sandbox, tempfile.TemporaryDirectory() as folder:
        read = run_tap(python, sandbox, Path(folder))
        held = {stream: [each["id"] for each in sandbox.objects(noun)] for stream, noun in STREAMS.items()}
        events = Counter(each["data"]["object"]["id"] for each in sandbox.objects("event"))
    wrong = [report(stream, read.get(stream, []), held[stream], events) for stream in STREAMS]
    return any(wrong)


def environment(folder: Path) -> Path:
    """The Python of the judge's environment, which is made the first time."""
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists() or not python.exists():
        output([sys.executable, "-m", "venv", "--clear", str(folder)])
        output([str(python), "-m", "pip", "-qq", "--disable-pip-version-check", "install", BESIDE, TAP])
        (folder / ".ready").touch()
    return python


def run_tap(python: Path, sandbox: Sandbox, folder: Path) -> dict[str, list[str]]:
    """The ids that the tap emits, by stream."""
    start = datetime.fromtimestamp(sandbox.clock() - 60 * 86_400, UTC)
    config = folder / "config.json"
    config.write_text(
        json.dumps(
            {
                "client_secret": sandbox.key,
                "account_id": PLATFORM,
                "start_date": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "date_window_size": 10,
            }
        )
    )
    command = [str(python), str(LAUNCHER), sandbox.url, "--config", str(config)]
    catalog: dict[str, Any] = json.loads(output([*command, "--discover"]))  # Any: JSON of the tap
    for stream in catalog["streams"]:
        if stream["stream"] in STREAMS:
            next(each for each in stream["metadata"] if not each["breadcrumb"])["metadata"]["selected"] = True
    chosen = folder / "catalog.json"
    chosen.write_text(json.dumps(catalog))
    found: dict[str, list[str]] = {}
    for line in output([*command, "--catalog", str(chosen)]).splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            found.setdefault(message["stream"], []).append(message["record"]["id"])
    return found


def output(command: list[str]) -> str:
    """What it prints. Raises SystemExit with the end of its errors if it fails or takes too long."""
    shown = " ".join(command)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{shown}: no end within {TIMEOUT_S} s") from None
    if done.returncode:
        raise SystemExit(f"{shown}: ended with {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout


def report(stream: str, read: list[str], held: list[str], events: Counter[str]) -> bool:
    """One line; whether something is missing, strange or too often."""
    missing, strange = len(set(held) - set(read)), len(set(read) - set(held))
    again = len(read) - len(set(read))
    too_often = sum(count > 1 + events[each] for each, count in Counter(read).items())
    is_wrong = bool(missing or strange or too_often)
    verdict = "FAIL" if is_wrong else "PASS"
    figures = f"held={len(held)} read={len(read)} {missing=} {strange=} read_again_by_event={again} {too_often=}"
    sys.stdout.write(f"{verdict} {stream}: {figures}\n")
    return is_wrong


if __name__ == "__main__":
    sys.exit(main())
