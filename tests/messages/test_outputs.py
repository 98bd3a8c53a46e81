"""Outputs that take no more, and locales that are not UTF-8, for every command that prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import a_config, a_record, a_schema, a_state, clean_env, run
from tests.support.sandbox import Sandbox

NAME = "Zoë 😀"
CLI = "stripe_flow_cli"
# The module and options of each command that prints what a program reads, in a folder that `folder` fills.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("tap_stripe_flow", "--config tap.json"),
    ("tap_stripe_flow", "--config tap.json --discover"),
    ("tap_stripe_flow", "--about"),
    ("tap_records", "--config records.json"),
    ("tap_records", "--config records.json --discover"),
    ("target_stripe_flow", "--config target.json"),
    ("target_stripe_flow", "--about --format markdown"),
    (CLI, "journal list --show-keys"),
    (CLI, "journal list --json --show-keys"),
    (CLI, f"journal show customers:{NAME.replace(' ', '_')} --config target.json --show-keys"),
    (CLI, "journal export"),
    (CLI, "journal export --format singer"),
    (CLI, "journal report --json --show-keys"),
    (CLI, "journal report --output - --show-keys"),
    (CLI, "journal source list"),
    (CLI, "doctor --plugin target --config target.json"),
    (CLI, "doctor --plugin target --config target.json --json"),
    (CLI, "doctor --plugin tap --config tap.json"),
    (CLI, "slices --config tap.json"),
)
# What click prints of its own.
HELP = (
    ("tap_stripe_flow", "--help"),
    ("target_stripe_flow", "--version"),
    ("tap_records", "--help"),
    (CLI, "--help"),
    (CLI, "--version"),
    (CLI, "journal settle --help"),
)
INPUT = [a_schema("customers"), a_record("customers", id="1", name="Ann"), a_state(at=1)]


def reader_gone() -> None:
    """Standard output is a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    os.dup2(writing, 1)


def disk_full() -> None:
    """Standard output is a disk without space."""
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def closed() -> None:
    """Standard output is closed, as by `>&-`."""
    os.close(1)
    sys.stdout = None  # as Python does


def in_ascii() -> None:
    sys.stdout = open(1, "w", encoding="ascii", closefd=False)  # noqa: SIM115  # as Python does
    sys.stderr = open(2, "w", 1, "ascii", "backslashreplace", closefd=False)  # noqa: SIM115  # see above


def in_latin_1() -> None:
    sys.stdout = open(1, "w", encoding="latin-1", closefd=False)  # noqa: SIM115  # as Python does
    sys.stderr = open(2, "w", 1, "latin-1", "backslashreplace", closefd=False)  # noqa: SIM115  # see above


FAULTS = {reader_gone: "reader of standard output has ended", disk_full: "no space left", closed: "output is closed"}


@pytest.fixture(scope="module")
def folder(sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration for each plugin, rows, and a journal whose source key is not ASCII."""
    made = tmp_path_factory.mktemp("outputs")
    target = a_config(sandbox_url, source_name="Büro")
    rows = {"path": "rows.csv", "stream": "customers", "key_properties": ["id"]}
    tap = a_config(sandbox_url, start_date="2026-01-01")
    for name, config in {"tap": tap, "target": target, "records": {"files": [rows]}}.items():
        (made / f"{name}.json").write_text(json.dumps(config), encoding="utf-8")
    (made / "rows.csv").write_text(f"id,name\n1,{NAME}\n", encoding="utf-8")
    keys = [NAME, NAME.replace(" ", "_")]
    lines = [a_schema("customers"), *(a_record("customers", id=key, name="Ann") for key in keys)]
    line = [sys.executable, "-m", "target_stripe_flow", "--config", "target.json"]
    assert run(line, made, _lines(*lines)).code == 0
    return made


def _lines(*messages: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


def _line(module: str, options: str) -> list[str]:
    return [sys.executable, "-m", module, *options.split()]


@pytest.mark.promise("commands", "A closed or full standard output is one line and exit code 1")
@pytest.mark.parametrize("change", FAULTS)
@pytest.mark.parametrize(("module", "options"), [*COMMANDS, *HELP], ids=[" ".join(each) for each in [*COMMANDS, *HELP]])
def test_an_output_that_takes_no_more_is_one_line_and_exit_code_1(
    *, module: str, options: str, change: Callable[[], None], folder: Path
) -> None:
    is_input = (module, options) == ("target_stripe_flow", "--config target.json")
    done = run(_line(module, options), folder, _lines(*INPUT) if is_input else b"", change)

    assert (done.code, len(done.errors)) == (1, 1), done.log
    assert_says(FAULTS[change], done.errors[0])
    assert "unexpected" not in done.log
    assert_clean(done.log)


@pytest.mark.promise("commands", "Output is UTF-8 in every locale")
@pytest.mark.parametrize("change", [in_ascii, in_latin_1])
@pytest.mark.parametrize(("module", "options"), [*COMMANDS, *HELP], ids=[" ".join(each) for each in [*COMMANDS, *HELP]])
def test_the_output_is_utf_8_in_every_locale(
    *, module: str, options: str, change: Callable[[], None], folder: Path
) -> None:
    ours, theirs = (run(_line(module, options), folder, b"", each) for each in (None, change))

    assert theirs.code == ours.code
    assert _comparable(theirs.output) == _comparable(ours.output)
    assert _comparable(theirs.log) == _comparable(ours.log)


def _comparable(text: str) -> str:
    """Without times, durations, process ids and counts of requests."""
    return re.sub(r"\d+(\.\d+)?(e-\d+)?", "0", text)


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize(
    "options",
    [
        "journal export",
        "journal show customers:Zoë_😀 --source-name Büro --show-keys",
        "journal list --config no-é.json",
    ],
)
def test_a_process_of_the_locale_c_reads_and_prints_utf_8(options: str, folder: Path) -> None:
    printed = []
    for env in ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        line = [os.fsencode(part) for part in _line(CLI, options)]
        done = subprocess.run(line, cwd=folder, env=clean_env(**env), capture_output=True, check=False, timeout=60)
        printed.append((done.returncode, done.stdout, done.stderr))

    assert printed[1] == printed[0]
    assert any(name.encode() in b"".join(printed[0][1:]) for name in ("Zoë", "no-é"))


def test_a_target_whose_reader_has_gone_finishes_what_is_in_flight(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "target.json"
    config.write_text(json.dumps(a_config(sandbox.url, source_name="default", concurrency=4)))
    line = [sys.executable, "-m", "target_stripe_flow", "--config", str(config)]
    lines = [a_schema("customers")]
    for number in range(200):
        lines += [a_record("customers", id=number, name="Ann"), a_state(at=number)]

    done = run(line, tmp_path, _lines(*lines), reader_gone)
    after = run(line, tmp_path, _lines(*lines))

    assert done.code == 1
    assert_says("What was sent is in the journal, and the next run does not send it again", done.errors[0])
    created = int(re.search(r"(\d+) created", done.summary)[1])  # type: ignore[index]  # there is one
    assert f"200 records: {200 - created} created, {created} unchanged" in after.summary
    assert len(sandbox.objects("customer")) == 200
