"""The doctor's word about each place that a run writes is the run's: same exit code, and nothing is changed."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest

from target_stripe_flow.journal.opening import open_journal
from target_stripe_flow.journal.schema import owners
from tests.messages.disks import with_permissions, with_read_only_disk
from tests.stripe_flow_cli.doctor.doctor import doctor, findings, of_check
from tests.support.plugins import Ended, a_config, a_record, a_schema, run, run_target
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox

JOURNAL = "box/journal.db"
REJECTS = "out/rejects.jsonl"
Under = Callable[[Sequence[str]], list[str]]


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder with settings, and with a journal and a rejects file in folders of their own."""
    for name in ("box", "out"):
        (tmp_path / name).mkdir()
    with open_journal(tmp_path / JOURNAL):
        pass
    (tmp_path / REJECTS).touch(0o600)
    settings = {"source_name": "default", "journal_url": f"sqlite:///{JOURNAL}", "rejects_path": REJECTS}
    for name, more in {"real": {}, "dry": {"dry_run": True}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(a_config(sandbox.url, **settings, **more)))
    return tmp_path


def ended(under: Under, folder: Path, module: str, *options: str) -> Ended:
    return run(under([sys.executable, "-m", module, *options]), folder)


def contents(folder: Path) -> dict[str, tuple[int, ...]]:
    """Modes, sizes and times. It opens nothing: to close a file releases the locks that this process has of it."""
    stats = {str(path.relative_to(folder)): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {name: (stat.st_mode, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


# The place that cannot be written, how that is so, and which check of the doctor finds it.
PLACES: dict[str, tuple[str, int | None, str]] = {
    "folder": ("box", 0o555, "journal"),
    "file": (JOURNAL, 0o444, "journal"),
    "shm": (f"{JOURNAL}-shm", 0o444, "journal"),
    "lock": (f"{JOURNAL}.lock", 0o444, "journal"),
    "disk": ("box", None, "journal"),
    "rejects": (REJECTS, 0o444, "rejects"),
    "rejects disk": ("out", None, "rejects"),
}


@pytest.mark.volume(cases=1)
@pytest.mark.promise("commands", "The doctor's exit code is the run's for each place that a run writes")
@pytest.mark.parametrize(("place", "mode", "check"), PLACES.values(), ids=PLACES)
def test_a_place_that_cannot_be_written_stops_the_doctor_as_it_stops_the_run(
    *, place: str, mode: int | None, check: str, folder: Path
) -> None:
    under = with_permissions if mode is not None else partial(with_read_only_disk, folder=place)
    with closing(sqlite3.connect(folder / JOURNAL)) as raw:
        if place.endswith("-shm"):
            raw.execute("SELECT count(*) FROM attempts").fetchall()  # from now on there are both
        if mode is not None:
            (folder / place).chmod(mode)
        before = contents(folder)

        examined = ended(under, folder, "stripe_flow_cli", "doctor", "--plugin", "target", "--config", "real.json")
        after = contents(folder)
        done = [ended(under, folder, "target_stripe_flow", "--config", f"{name}.json") for name in ("real", "dry")]

    assert [examined.code, *(each.code for each in done)] == [1, 1, 1], examined.output
    assert f"✗ {check:12} the {'journal box' if check == 'journal' else 'rejects file'}" in examined.output
    assert "cannot be written" in examined.output
    assert after == before


def test_a_folder_in_which_no_rejects_file_can_be_created_stops_the_doctor(folder: Path) -> None:
    (folder / REJECTS).unlink()
    (folder / "out").chmod(0o555)

    examined, done = (
        ended(with_permissions, folder, *line)
        for line in (
            ("stripe_flow_cli", "doctor", "--plugin", "target", "--config", "real.json"),
            ("target_stripe_flow", "--config", "real.json"),
        )
    )

    assert (examined.code, done.code) == (1, 1)


READ_ONLY_ROLE = "CREATE ROLE {role} LOGIN IN ROLE pg_read_all_data"
# What is done to a database with a journal or without one, whether it has one, and the words of the finding.
DATABASES: dict[str, tuple[list[str], bool, str]] = {
    "a role that may only read": ([READ_ONLY_ROLE, "GRANT USAGE ON SCHEMA {schema} TO {role}"], True, "may not INSERT"),
    "a role that reads only by default": (
        [
            "CREATE ROLE {role} LOGIN IN ROLE pg_read_all_data, pg_write_all_data",
            "ALTER ROLE {role} SET default_transaction_read_only = on",
        ],
        True,
        "is read-only",
    ),
    "a role that may not create tables": (
        [READ_ONLY_ROLE, "GRANT USAGE ON SCHEMA {schema} TO {role}"],
        False,
        "may not create tables",
    ),
    "a table that is missing": (
        ["CREATE ROLE {role} LOGIN SUPERUSER", f"DROP TABLE {{schema}}.{owners.name}"],
        True,
        f"its table {owners.name} is missing",
    ),
}


@pytest.mark.parametrize(("statements", "has_journal", "words"), DATABASES.values(), ids=DATABASES)
def test_a_database_that_cannot_be_written_stops_the_doctor_as_it_stops_the_run(
    *, statements: list[str], has_journal: bool, words: str, sandbox: Sandbox, postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.database()
    schema = url.rsplit("%3D", 1)[1]
    if has_journal:
        assert run_target(tmp_path, a_config(sandbox.url, journal_url=url), []).code == 0
    role = f"role_{schema}"
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.format(role=role, schema=schema).encode())
    settings = a_config(sandbox.url, journal_url=url.replace("//postgres:", f"//{role}:"))

    examined = doctor("target", tmp_path, settings)
    done = run_target(tmp_path, settings, [])

    assert (examined.code, done.code) == (1, 1), examined.output
    assert words in examined.output
    assert "cannot be written" in examined.output


def test_records_that_wait_in_the_rejects_file_are_counted_until_they_are_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = a_config(sandbox.url)

    def waiting() -> list[str]:
        return [
            text for status, text in of_check(findings("target", tmp_path, settings), "rejects") if status == "open"
        ]

    bad = [a_record("prices", id=number, currency="usd", unit_amount="much") for number in (1, 2)]
    run_target(tmp_path, settings, [a_schema("prices"), *bad])
    first = waiting()
    sandbox.advance(60)
    run_target(
        tmp_path,
        settings,
        [a_schema("prices"), a_record("prices", id=1, currency="usd", unit_amount=1, product_data={"name": "A"})],
    )

    assert "stripe-flow-rejects.jsonl has rejected records that were not sent since: 2. " in first[0]
    assert "remove the lines that are done; `stripe-flow journal report --config doctor.json` shows" in first[0]
    assert "not sent since: 1. " in waiting()[0]
