"""A journal's file is used once at a time, whatever its name, and never without the -wal that belongs to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.filesystem import is_mounted_alone
from target_stripe_flow.journal.group_commit import JournalBroken
from target_stripe_flow.journal.opening import open_journal
from target_stripe_flow.journal.whole_file import check_whole, wal_path
from tests.support.forking import Running, started
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, command, run, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import ended, wait_for

ROWS = 20
LINES = [
    a_schema("charges"),
    *(a_record("charges", id=number, amount=100, currency="usd", source="tok_visa") for number in range(ROWS)),
]
HOLD = {"name": "hold", "match": {"method": "POST"}, "at": "after_execute", "action": {"kind": "hold"}}
ONCE = HOLD | {"times": 1}


def settings(sandbox: Sandbox, journal: Path, **more: object) -> dict[str, object]:
    return a_config(sandbox.url, journal_url=f"sqlite:///{journal}", concurrency=1, **more)


@contextmanager
def a_run(sandbox: Sandbox, folder: Path, journal: Path) -> Iterator[Running]:
    """A target that charges `ROWS` rows, in its own folder."""
    folder.mkdir()
    read, output, log = (folder / name for name in ("input", "output", "log"))
    read.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in LINES))
    line = command("target_stripe_flow", folder, settings(sandbox, journal))
    process = started(line, folder, clean_env(), given=read, output=output, log=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def killed(sandbox: Sandbox, folder: Path, journal: Path) -> None:
    """Leave a journal whose newest rows are in its -wal: its process is killed, and Stripe executes the request."""
    sandbox.faults(HOLD)
    with a_run(sandbox, folder, journal) as process:
        sandbox.wait_until_held("hold")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    sandbox.release("hold")
    sandbox.faults()


def linked(journal: Path) -> Path:
    other = journal.with_name("other.db")
    os.link(journal, other)
    return other


def linked_elsewhere(journal: Path) -> Path:
    folder = journal.parent / "elsewhere"
    folder.mkdir()
    os.link(journal, folder / journal.name)
    return folder / journal.name


def symlinked(journal: Path) -> Path:
    other = journal.with_name("other.db")
    other.symlink_to(journal)
    return other


def in_a_symlinked_folder(journal: Path) -> Path:
    folder = journal.parent / "folder"
    folder.symlink_to(journal.parent)
    return folder / journal.name


def without_its_lock_file(journal: Path) -> Path:
    journal.with_name(f"{journal.name}.lock").unlink()
    return journal


NAMES = [linked, linked_elsewhere, symlinked, in_a_symlinked_folder, without_its_lock_file]


@pytest.mark.promise("target 1", "Two runs at once that open one journal by two names charge each row once")
@pytest.mark.parametrize("named", NAMES)
def test_two_runs_at_once_by_two_names_charge_each_row_once(
    named: Callable[[Path], Path], sandbox: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.db"
    with open_journal(journal):
        pass
    sandbox.faults(ONCE)
    with a_run(sandbox, tmp_path / "one", journal) as one:
        sandbox.wait_until_held("hold")
        with a_run(sandbox, tmp_path / "two", named(journal)) as two:
            log = tmp_path / "two" / "log"
            wait_for(lambda: two.poll() is not None or (log.exists() and "waiting up to" in log.read_text()))
            sandbox.release("hold")
            first, second = ended(one, tmp_path / "one"), ended(two, tmp_path / "two")

    assert (first.code, first.summary) == (0, f"{ROWS} records: {ROWS} created")
    if second.code == 1:
        assert "hard links" in second.errors[0]
    else:
        assert (second.code, second.summary) == (0, f"{ROWS} records: {ROWS} unchanged")
    assert len(sandbox.objects("charge")) == ROWS


@pytest.mark.parametrize("command_line", [("list",), ("init",), ("export",), ("retry", "charges:1")])
def test_each_command_refuses_a_file_with_two_names(command_line: tuple[str, ...], tmp_path: Path) -> None:
    journal = tmp_path / "stripe-flow-journal.db"
    with open_journal(journal):
        pass
    linked(journal)

    done = run([sys.executable, "-m", "stripe_flow_cli", "journal", *command_line], tmp_path)

    assert (done.code, len(done.errors)) == (1, 1)
    assert "has 2 names (hard links)" in done.errors[0]


def deleted(journal: Path) -> None:
    journal.unlink()


def moved_away(journal: Path) -> None:
    journal.rename(journal.with_name("moved.db"))


def replaced_by_an_older_one(journal: Path) -> None:
    Path(journal.with_name("older.db")).replace(journal)


@pytest.mark.promise("target 1", "A run whose journal is moved, deleted or replaced sends nothing more")
@pytest.mark.parametrize("change", [deleted, moved_away, replaced_by_an_older_one])
def test_a_run_whose_journal_is_replaced_sends_nothing_more(
    change: Callable[[Path], None], sandbox: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.db"
    with open_journal(journal):
        pass
    shutil.copy(journal, tmp_path / "older.db")
    sandbox.faults(ONCE)
    with a_run(sandbox, tmp_path / "one", journal) as one:
        sandbox.wait_until_held("hold")
        change(journal)
        sandbox.release("hold")
        done = ended(one, tmp_path / "one")

    assert (done.code, len(done.errors)) == (1, 1)
    assert "was moved, deleted or replaced during this run" in done.errors[0]
    assert len(sandbox.objects("charge")) == 1


def missing(journal: Path) -> None:
    journal.unlink()


def empty(journal: Path) -> None:
    journal.write_bytes(b"")


def of_another_journal(journal: Path) -> None:
    journal.unlink()
    with open_journal(journal.with_name("new.db")):
        pass
    journal.with_name("new.db").rename(journal)


def of_an_earlier_time(journal: Path) -> None:
    journal.with_name("before.db").replace(journal)


def runs(sandbox: Sandbox, folder: Path, journal: Path) -> list[Ended]:
    """A run, a dry run, and each kind of command."""
    command("target_stripe_flow", folder, settings(sandbox, journal))
    cli = [sys.executable, "-m", "stripe_flow_cli"]
    with_settings = ["--config", "target_stripe_flow.json"]
    return [
        run_target(folder, settings(sandbox, journal), LINES),
        run_target(folder, settings(sandbox, journal, dry_run=True), LINES),
        run([*cli, "journal", "list", *with_settings], folder),
        run([*cli, "journal", "init", "--beside", *with_settings], folder),
        run([*cli, "journal", "rebuild", *with_settings], folder),
        run([*cli, "journal", "retry", "charges:1", *with_settings], folder),
    ]


@pytest.mark.promise("target 1", "A `-wal` that does not belong to the journal is refused and kept")
@pytest.mark.parametrize("journal_is", [missing, empty, of_another_journal, of_an_earlier_time])
def test_a_wal_beside_a_journal_that_is_not_its_own_is_refused_and_kept(
    journal_is: Callable[[Path], None], sandbox: Sandbox, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.db"
    with open_journal(journal):
        pass
    shutil.copy(journal, tmp_path / "before.db")
    with open_journal(journal):
        pass
    killed(sandbox, tmp_path / "killed", journal)
    journal_is(journal)
    wal = wal_path(journal)
    kept, sent = wal.read_bytes(), len(sandbox.objects("charge"))

    all_done = runs(sandbox, tmp_path, journal)

    for done in all_done:
        assert (done.code, len(done.errors)) == (1, 1), done
        assert f"{wal}" in done.errors[0]
        assert "Traceback" not in done.log
    assert wal.read_bytes() == kept
    assert (len(sandbox.objects("charge")), sent) == (1, 1)


def test_the_wal_of_a_killed_run_is_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    """Also after several killed runs, and when a reader kept the file behind the -wal."""
    journal = tmp_path / "journal.db"
    for name in ("one", "two"):
        killed(sandbox, tmp_path / name, journal)
        check_whole(journal)
    moved = tmp_path / "moved"
    moved.mkdir()
    for each in (journal, wal_path(journal)):
        each.rename(moved / each.name)

    done = run_target(tmp_path, settings(sandbox, moved / journal.name), LINES)

    assert (done.code, done.summary) == (0, f"{ROWS} records: {ROWS - 2} created, 2 unchanged")
    assert len(sandbox.objects("charge")) == ROWS


def test_the_wal_is_its_own_while_a_reader_keeps_sqlite_from_writing_the_file(tmp_path: Path) -> None:
    journal, copy = tmp_path / "journal.db", tmp_path / "copy"
    with open_journal(journal), closing(sqlite3.connect(journal)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM attempts").fetchall()
        with closing(sqlite3.connect(journal)) as writer:  # a run that begins meanwhile
            renew(writer)
            copy.mkdir()
            for path in tmp_path.glob("journal.db*"):
                shutil.copy(path, copy)

    check_whole(copy / "journal.db")
    with open_journal(copy / "journal.db"):
        pass


def renew(writer: sqlite3.Connection) -> None:
    [token] = writer.execute("PRAGMA application_id").fetchone()
    writer.execute("BEGIN IMMEDIATE")
    writer.execute(f"PRAGMA user_version = {token}")
    writer.execute(f"PRAGMA application_id = {token + 1}")
    writer.execute("COMMIT")
    writer.execute("PRAGMA wal_checkpoint(PASSIVE)")


def test_the_lock_of_the_file_leaves_the_locks_of_sqlite(tmp_path: Path) -> None:
    """Another program can read, and cannot make the file one without a -wal while a run uses it."""
    journal = tmp_path / "journal.db"
    script = (
        "import sqlite3, sys\n"
        "raw = sqlite3.connect(sys.argv[1], timeout=0.2)\n"
        "print(raw.execute('SELECT count(*) FROM attempts').fetchone()[0])\n"
        "try: print(raw.execute('PRAGMA journal_mode = DELETE').fetchone()[0])\n"
        "except sqlite3.OperationalError as error: print(error)\n"
    )
    with open_journal(journal) as opened:
        opened.open_attempt(an_attempt())

        said = subprocess.run(
            [sys.executable, "-c", script, str(journal)], capture_output=True, text=True, check=True, timeout=30
        ).stdout

    assert said.splitlines()[0] == "1"
    assert "locked" in said.splitlines()[1]


def test_a_process_that_holds_the_file_by_another_name_is_waited_for(tmp_path: Path) -> None:
    """As through a bind mount of the file, whose other name has a lock file of its own and no second link."""
    journal = tmp_path / "journal.db"
    with open_journal(journal):
        pass
    script = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(journal)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"\n"
        began = time.monotonic()

        with (
            pytest.raises(Misconfigured, match="in use by a process that has opened it by another name"),
            open_journal(journal, wait_s=0.5),
        ):
            pass
        assert time.monotonic() - began >= 0.5
        other.kill()
    with open_journal(journal, wait_s=5):
        pass


def test_a_file_that_is_mounted_without_its_folder_is_recognised() -> None:
    mounts = "overlay / overlay rw 0 0\n/dev/vda /data/journal.db ext4 rw 0 0\n/dev/vda /other ext4 rw 0 0\n"

    assert is_mounted_alone(Path("/data/journal.db"), mounts)
    assert not is_mounted_alone(Path("/other/journal.db"), mounts)


def test_a_file_whose_first_run_was_killed_before_it_had_tables_is_no_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    """A copy without its -wal, too: with a live key it must not pass for a journal."""
    killed(sandbox, tmp_path / "killed", tmp_path / "journal.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
    with Sandbox("--live") as live:
        done = run_target(
            tmp_path, settings(live, tmp_path / "other.db", api_key="sk_live_sandbox", allow_live=True), LINES
        )

        assert (done.code, live.objects("charge", livemode=True)) == (1, [])
    assert "there is no journal" in done.errors[0]


def test_a_broken_journal_says_so_before_anything_is_sent(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    journal.write_bytes(b"x" * 5000)
    wal_path(journal).write_bytes(b"x" * 5000)

    with pytest.raises(JournalBroken, match="file is not a database"), open_journal(journal):
        pass
