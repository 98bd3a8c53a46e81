"""The journal, in a file and in PostgreSQL: durable before anything goes on, and readable meanwhile."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, inspect

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import OPEN, State
from target_stripe_flow.journal.file_lock import FileLock
from target_stripe_flow.journal.filesystem import remote_file_system
from target_stripe_flow.journal.group_commit import JournalBroken
from target_stripe_flow.journal.location import File, Location, Shared, location_of
from target_stripe_flow.journal.migrations import MIGRATIONS, migrate
from target_stripe_flow.journal.opening import memory, open_journal
from target_stripe_flow.journal.ownership import Superseded
from target_stripe_flow.journal.schema import METADATA
from target_stripe_flow.journal.store import Journal
from tests.support.plugins import ROOT
from tests.support.postgres import Postgres, asked
from tests.target_stripe_flow.builders import a_digest, an_attempt


def test_a_row_has_the_columns_of_the_schema() -> None:
    assert {field.name for field in fields(Attempt)} == {column.name for column in METADATA.tables["attempts"].columns}


@given(
    st.builds(
        an_attempt,
        st.text(max_size=20),
        state=st.sampled_from(State),
        source_key=st.none() | st.lists(st.text(max_size=9), min_size=1, max_size=3).map(tuple),
        body=st.none() | st.binary(max_size=20),
        reason=st.none() | st.text(max_size=20),
        settled_unix=st.none() | st.integers(-(2**40), 2**40),
    )
)
def test_what_is_written_is_what_is_read(attempt: Attempt) -> None:
    with memory() as (reader, writer):
        journal = Journal("in memory", reader, writer)
        journal.open_attempt(attempt)

        assert journal.latest(attempt.digest) == attempt


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_of_the_schema(database: str, postgres: Postgres) -> None:
    def an_engine() -> Engine:
        url = "sqlite://" if database == "sqlite" else postgres.database().replace("postgresql", "postgresql+psycopg")
        return create_engine(url)

    by_migration, by_schema = an_engine(), an_engine()
    with by_migration.begin() as connection:
        migrate(connection, "x")
    METADATA.create_all(by_schema)

    def described(engine: Engine) -> dict[str, object]:
        looked = inspect(engine)
        return {
            table: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in looked.get_columns(table)],
                looked.get_pk_constraint(table)["constrained_columns"],
                [(index["name"], index["column_names"]) for index in looked.get_indexes(table)],
            )
            for table in looked.get_table_names()
        }

    assert described(by_migration) == described(by_schema)
    by_migration.dispose()
    by_schema.dispose()


def test_the_index_of_open_rows_covers_every_open_state(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "journal.db")) as raw:
        (made,) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'open_attempts'").fetchone()

    assert {state for state in State if f"'{state.value}'" in made} == OPEN


def test_open_rows_are_those_of_the_account(journal: Journal) -> None:
    for number, state in enumerate(State):
        journal.open_attempt(an_attempt(number, state=state))
    journal.open_attempt(an_attempt("another's", account="acct_2"))

    found = journal.open_attempts("acct_1", "test")

    assert {each.state for each in found} == OPEN


def test_open_rows_are_found_by_their_index(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db"):
        pass

    states = ", ".join(f"'{state.value}'" for state in sorted(OPEN))
    with closing(sqlite3.connect(tmp_path / "journal.db")) as raw:
        plan = raw.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM attempts WHERE account = ? AND mode = ? AND state IN ({states})",
            ("acct_1", "test"),
        ).fetchall()
    assert "open_attempts" in plan[0][3]


def test_the_latest_attempt_is_the_one_that_counts(journal: Journal) -> None:
    first = an_attempt(state=State.REFUSED)
    for attempt in (first, replace(first, attempt=2, state=State.CREATED)):
        journal.open_attempt(attempt)

    latest = journal.latest(first.digest)

    assert latest is not None
    assert (latest.attempt, latest.state) == (2, State.CREATED)
    assert [each.attempt for each in journal.all_of(first.digest)] == [1, 2]


def test_writes_of_many_threads_are_all_there(journal: Journal, location: Location) -> None:
    def write(worker: int) -> None:
        for number in range(25):
            attempt = an_attempt((worker, number))
            journal.open_attempt(attempt)
            journal.change(replace(attempt, state=State.CREATED, stripe_id=f"cus_{worker}_{number}"), was=attempt)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with location.open_read_only() as looked:
        assert {each.stripe_id for each in looked.walk({}, page=7)} == {
            f"cus_{w}_{n}" for w in range(8) for n in range(25)
        }


def test_a_write_that_failed_is_heard_by_whoever_waits_for_it(journal: Journal) -> None:
    nameless = an_attempt("Ann", account=None)

    with pytest.raises(JournalBroken, match=r"(?i)not.null constraint") as caught:
        journal.open_attempt(nameless)

    assert "Ann" not in str(caught.value), "PostgreSQL quotes the whole row"
    journal.open_attempt(an_attempt("8"))
    assert journal.latest(a_digest("8")) is not None


def test_an_attempt_is_opened_once(journal: Journal) -> None:
    journal.open_attempt(an_attempt())

    with pytest.raises(Superseded):
        journal.open_attempt(an_attempt(body=b"name=Zoe"))

    assert journal.all_of(an_attempt().digest) == [an_attempt()]


def test_what_another_has_written_meanwhile_is_not_overwritten(journal: Journal) -> None:
    read = an_attempt()
    journal.open_attempt(read)
    created = replace(read, state=State.CREATED, stripe_id="cus_1")
    journal.change(created, was=read)

    with pytest.raises(Superseded):
        journal.change(replace(read, state=State.UNKNOWN), was=read)

    assert journal.latest(read.digest) == created


def test_what_is_forgotten_is_what_was_looked_at(journal: Journal) -> None:
    seen = an_attempt(state=State.REFUSED)
    journal.open_attempt(seen)
    journal.open_attempt(replace(seen, attempt=2, state=State.INTENT))

    journal.forget(seen)

    assert [each.attempt for each in journal.all_of(seen.digest)] == [2]


def test_a_refilled_journal_keeps_what_it_has(journal: Journal) -> None:
    journal.open_attempt(an_attempt(1))

    new = journal.add([an_attempt(number, state=State.CREATED) for number in (2, 1, 3)])

    assert new == 2
    kept = journal.latest(a_digest(1))
    assert kept is not None
    assert kept.state is State.INTENT


def test_a_value_that_no_column_takes_is_heard_too(journal: Journal) -> None:
    with pytest.raises(JournalBroken):
        journal.open_attempt(an_attempt(first_sent_unix=2**70))


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        journal.open_attempt(an_attempt())

        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert set(modes) >= {"journal.db", "journal.db-wal", "journal.db.lock"}
    assert set(modes.values()) == {0o600}


def test_it_can_be_read_while_a_run_holds_it_and_not_written(journal: Journal, location: Location) -> None:
    journal.open_attempt(an_attempt())

    with location.open_read_only() as looked:
        assert len(list(looked.walk({}))) == 1
        with pytest.raises(JournalBroken, match=r"read-?only"):
            looked.open_attempt(an_attempt("8"))


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    path, told = tmp_path / "journal.db", list[str]()
    with an_owner(path) as owner:
        with pytest.raises(Misconfigured, match=f"in use by the process {owner.pid}"):
            FileLock(path, wait_s=0.3, waiting=told.append)

        owner.kill()
        owner.wait(10)
        FileLock(path, wait_s=10, waiting=told.append).release()
    assert len(told) == 1


def test_two_names_of_one_journal_are_one_journal(tmp_path: Path) -> None:
    path, alias, told = tmp_path / "journal.db", tmp_path / "alias.db", list[str]()
    path.touch()
    alias.symlink_to(path)
    with an_owner(alias) as owner:
        with pytest.raises(Misconfigured, match=f"in use by the process {owner.pid}"):
            FileLock(path, wait_s=0.3, waiting=told.append)
        owner.kill()


def test_a_lock_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db.lock").mkdir()

    with pytest.raises(Misconfigured, match=r"journal\.db\.lock of the journal cannot be taken \(Is a directory\)"):
        FileLock(tmp_path / "journal.db", wait_s=0, waiting=print)


@pytest.mark.parametrize("folder", ["what?now", "50%3F", "a#b c"])
def test_a_journal_is_where_its_path_says(folder: str, tmp_path: Path) -> None:
    location = File(tmp_path / folder / "journal.db")
    location.folder.mkdir()

    with location.open_journal() as journal:
        journal.open_attempt(an_attempt())
        with location.open_read_only() as looked:
            assert list(looked.walk({})) == [an_attempt()]

    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert stat.S_IMODE(location.path.stat().st_mode) == 0o600


def test_a_request_is_erased_once_it_is_settled(tmp_path: Path) -> None:
    sent = an_attempt(body=b"name=Canary+Jones" * 400)

    with open_journal(tmp_path / "journal.db") as journal:
        journal.open_attempt(sent)
    written = (tmp_path / "journal.db").read_bytes()
    with open_journal(tmp_path / "journal.db") as journal:
        journal.change(replace(sent, state=State.CREATED, body=None), was=sent)

    assert b"Canary" in written
    assert b"Canary" not in (tmp_path / "journal.db").read_bytes()


def test_a_look_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with an_owner(path) as owner:
        owner.kill()
    with closing(sqlite3.connect(path)) as raw:  # a process that dies with its last commit not yet in the file
        raw.execute("PRAGMA wal_autocheckpoint = 0")
        raw.execute("INSERT INTO accepted_lists VALUES ('a', 'b')")
        raw.commit()
        crashed = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    for name, content in crashed.items():
        (tmp_path / name).write_bytes(content)
    closed = tmp_path / "closed"
    closed.mkdir()
    with open_journal(closed / "journal.db"):
        pass

    for folder in (tmp_path, closed):
        before = contents(folder)
        with File(folder / "journal.db").open_read_only() as looked:
            assert looked.count() == 0
        assert contents(folder) == before


@pytest.mark.parametrize("made", ["empty", "another's"])
def test_a_look_makes_no_journal_of_a_file_that_is_none(made: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch()
    if made == "another's":
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("CREATE TABLE theirs (a)")
    before = contents(tmp_path)

    with pytest.raises(Misconfigured, match="journal init"), File(path).open_read_only():
        pass

    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Of every file but SQLite's index of what was not checkpointed, which is made anew from the rest."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".db-shm"}


@contextmanager
def an_owner(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which holds a journal until it is killed or this ends."""
    hold = f"from tests.support.owner import hold; hold({str(path)!r})"
    with subprocess.Popen(
        [sys.executable, "-c", hold], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        yield owner


def test_a_journal_of_a_newer_release_is_refused(tmp_path: Path, location: Location) -> None:
    with location.open_journal():
        pass
    newer = len(MIGRATIONS) + 1
    if isinstance(location, Shared):
        asked(
            location.url.render_as_string(hide_password=False),
            f"INSERT INTO journal_versions VALUES ({newer}) RETURNING 1",
        )
    else:
        with closing(sqlite3.connect(tmp_path / "journal.db")) as raw:
            raw.execute("INSERT INTO journal_versions VALUES (?)", (newer,))
            raw.commit()

    with pytest.raises(Misconfigured, match="newer release"), location.open_journal():
        pass
    with pytest.raises(Misconfigured, match="newer release"), location.open_read_only():
        pass


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 4" + b"x" * 200])
def test_a_file_that_is_no_journal_is_one_clear_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(content)

    with pytest.raises(JournalBroken, match="file is not a database"), open_journal(tmp_path / "journal.db"):
        pass


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (None, "project/stripe-flow-journal.db"),
        ("sqlite:///mine.db", "project/mine.db"),
        ("sqlite:////var/mine.db", "/var/mine.db"),
    ],
)
def test_the_journal_is_below_the_project(url: str | None, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", "project")

    assert location_of({} if url is None else {"journal_url": url}) == File(Path(path))


@pytest.mark.parametrize(
    "url",
    [
        "journal.db",
        "mysql://u:canary@h/d",
        "postgresql+asyncpg://u:canary@h/d",
        "postgresql://u:canary@h:port/d",
        "postgresql://u:canary@h",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a.db?x=1",
    ],
)
def test_a_journal_that_is_neither_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="journal_url") as refused:
        location_of({"journal_url": url})

    assert "canary" not in str(refused.value)


MOUNTS = """/dev/vda / ext4 rw 0 0
host:/x /mnt nfs4 rw 0 0
/dev/vdb /mnt/local\\040disk ext4 rw 0 0
tmpfs /mntx tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/j.db", None),
        ("/mnt/j.db", "nfs4"),
        ("/mnt/deep/j.db", "nfs4"),
        ("/mnt/local disk/j.db", None),
        ("/mntx/j.db", None),
    ],
)
def test_a_network_file_system_is_noticed(path: str, kind: str | None) -> None:
    assert remote_file_system(Path(path), MOUNTS) == kind
