"""`stripe-flow journal report` as an operator uses it: real processes and real journals."""

from __future__ import annotations

import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.journal.opening import open_journal
from tests.stripe_flow_cli.report.journals import CANARY_ADDRESS, attempts, fill
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, run, run_target
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox

JOURNAL, PAGE = "stripe-flow-journal.db", "stripe-flow-report.html"
MOST_RSS_KIB, MOST_BYTES = 300 * 1024, 5 << 20
WITHOUT = "import sys; sys.path.insert(0, 'absent'); from stripe_flow_cli import main; main()"
# Runs the command, then prints its peak memory by Linux, without the parent's.
MEASURED = """
from stripe_flow_cli import main
try:
    main()
finally:
    print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def report(folder: Path, *arguments: str, **env: str) -> Ended:
    done = run([sys.executable, "-m", "stripe_flow_cli", "journal", "report", *arguments], folder, b"", **env)
    assert "Traceback" not in done.log
    return done


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A folder with a journal of 600 attempts."""
    fill(tmp_path / JOURNAL, attempts(600))
    return tmp_path


def test_a_report_shows_what_a_run_has_done_and_not_done(sandbox: Sandbox, tmp_path: Path) -> None:
    charge = {"currency": "jpy", "source": "tok_visa"}
    records: list[dict[str, Any]] = [
        charge | {"id": 1, "amount": 1500},
        charge | {"id": 2, "amount": 900, "source": "tok_chargeDeclined"},
        charge | {"id": CANARY_ADDRESS, "amount": "a lot"},
    ]
    lines = [a_schema("charges"), *(a_record("charges", **record) for record in records)]
    config = a_config(sandbox.url)
    run_target(tmp_path, config, lines)

    done = report(tmp_path, "--config", "target_stripe_flow.json")
    figures = json.loads(report(tmp_path, "--config", "target_stripe_flow.json", "--json").output)

    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert done.output == f"wrote {PAGE}: 2 attempts, 2 records that are not done\n"
    assert "<h1>1 record needs a fix</h1>" in text
    assert "amount must be a JSON integer in minor units" in text
    assert "900 JPY" in text
    assert CANARY_ADDRESS not in text
    assert figures["counts"] == {"created": 1, "declined": 1}
    assert figures["waiting"] == {"never_sent": 1, "declined": 1}
    assert figures["amounts"][0] | {"day": ""} == {
        "action": "charges",
        "currency": "jpy",
        "day": "",
        "created": 1500,
        "declined": 900,
        "open": None,
    }


def test_a_record_that_was_fixed_and_sent_is_done(sandbox: Sandbox, tmp_path: Path) -> None:
    for amount in ("a lot", 500):
        record = a_record("charges", id=1, amount=amount, currency="usd", source="tok_visa")
        run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), record])
        sandbox.advance(60)

    done = report(tmp_path, "--output", "-")

    assert "<h1>All is done</h1>" in done.output
    assert "1 line of it was sent later and is left out." in done.output


def test_a_command_on_the_page_works(sandbox: Sandbox, tmp_path: Path) -> None:
    declined = a_record("charges", id=CANARY_ADDRESS, amount=900, currency="usd", source="tok_chargeDeclined")
    run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), declined])
    (command,) = re.findall("<code>(stripe-flow journal retry .*?)</code>", report(tmp_path, "--output", "-").output)

    done = run([sys.executable, "-m", "stripe_flow_cli", *shlex.split(command)[1:]], tmp_path)

    assert done.code == 0
    assert "<h1>1 record waits for the next run</h1>" in report(tmp_path, "--output", "-").output


def test_without_a_journal_no_report_is_written(tmp_path: Path) -> None:
    page, figures = report(tmp_path), report(tmp_path, "--json")

    assert (page.code, figures.code) == (1, 1)
    assert f"there is no journal {JOURNAL}" in page.log
    assert page.log.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_empty_journal_is_a_friendly_page(tmp_path: Path) -> None:
    run([sys.executable, "-m", "stripe_flow_cli", "journal", "init", "--beside"], tmp_path)

    done = report(tmp_path)

    assert done.code == 0
    assert "Run the flow, then create this report again." in (tmp_path / PAGE).read_text(encoding="utf-8")


def test_a_report_is_readable_by_its_owner_only_and_replaces_an_earlier_one(filled: Path) -> None:
    first, second = report(filled), report(filled)

    assert (first.code, second.code) == (0, 0)
    assert stat.S_IMODE((filled / PAGE).stat().st_mode) == 0o600
    assert {path.name for path in filled.iterdir()} == {JOURNAL, f"{JOURNAL}.lock", PAGE}


@pytest.mark.parametrize("name", ["notes.html", JOURNAL, ".", "missing/report.html"])
def test_a_report_replaces_no_other_file(name: str, filled: Path) -> None:
    (filled / "notes.html").write_text("<!doctype html>\n<p>mine")
    before = {path.name: path.read_bytes() for path in filled.iterdir()}

    done = report(filled, "--output", name)

    assert (done.code, done.log.count("\n")) == (1, 1)
    assert "--output" in done.log
    assert {path.name: path.read_bytes() for path in filled.iterdir()} == before


def test_the_report_goes_to_the_output_option(filled: Path) -> None:
    to_file, to_pipe = report(filled, "--output", "mine.html"), report(filled, "--output", "-")

    assert to_file.code == 0
    assert to_pipe.output.endswith("</html>\n")
    assert to_pipe.output.startswith("<!doctype html>")
    assert not (filled / PAGE).exists()


def test_source_keys_are_in_the_report_only_with_the_option(filled: Path) -> None:
    quiet, asked = report(filled, "--output", "-"), report(filled, "--output", "-", "--show-keys")

    assert CANARY_ADDRESS not in quiet.output
    assert CANARY_ADDRESS in asked.output


@pytest.mark.parametrize("missing", ["pygal", "jinja2"])
def test_a_missing_library_is_named_with_its_install_command(missing: str, filled: Path) -> None:
    absent = filled / "absent"
    absent.mkdir()
    (absent / f"{missing}.py").write_text(f"raise ModuleNotFoundError('no', name={missing!r})")

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "journal", "report"],
        cwd=filled,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: the report needs {missing}: `pip install jinja2 pygal` where ")


def test_a_journal_on_postgresql_has_the_same_report(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    (tmp_path / "config.json").write_text(json.dumps({"api_key": "sk_test_sandbox", "journal_url": url}))
    run([sys.executable, "-m", "stripe_flow_cli", "journal", "init", "--beside", "--config", "config.json"], tmp_path)

    done = report(tmp_path, "--config", "config.json")

    assert (done.code, done.output) == (0, f"wrote {PAGE}: 0 attempts, 0 records that are not done\n")


def test_a_report_works_while_a_run_owns_the_journal_and_does_not_change_it(filled: Path) -> None:
    with open_journal(filled / JOURNAL):
        before = (filled / JOURNAL).read_bytes()
        done = report(filled)

    assert done.code == 0
    assert (filled / JOURNAL).read_bytes() == before


@pytest.mark.volume
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_the_memory_of_a_report_is_bounded(tmp_path: Path) -> None:
    fill(tmp_path / JOURNAL, attempts(60_000, done_of=2))

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "journal", "report"],
        cwd=tmp_path,
        env=clean_env(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert int(done.stdout.splitlines()[-1]) < MOST_RSS_KIB
    assert (tmp_path / PAGE).stat().st_size < MOST_BYTES
