"""What a journal promises, of either kind: an SQLite file and a PostgreSQL database."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, inspect

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import OPEN, State
from target_stripe_flow.journal.group_commit import JournalBroken
from target_stripe_flow.journal.location import File, Location, Shared, location_of
from target_stripe_flow.journal.migrations import MIGRATIONS, migrate
from target_stripe_flow.journal.opening import open_in_memory
from target_stripe_flow.journal.ownership import Superseded
from target_stripe_flow.journal.schema import METADATA
from target_stripe_flow.journal.store import Journal
from tests.support.postgres import Postgres
from tests.target_stripe_flow.builders import a_digest, an_attempt
from tests.target_stripe_flow.conftest import KINDS
from tests.target_stripe_flow.sharing import query


def test_an_attempt_has_the_columns_of_the_schema() -> None:
    assert {field.name for field in fields(Attempt)} == {column.name for column in METADATA.tables["attempts"].columns}


def attempts_with(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Attempt]:
    return st.builds(
        an_attempt,
        st.text(max_size=20),
        state=st.sampled_from(State),
        source_key=st.none() | st.lists(st.text(max_size=9), min_size=1, max_size=3).map(tuple),
        body=st.none() | st.binary(max_size=20),
        reason=st.none() | texts,
        settled_unix=st.none() | st.integers(-(2**40), 2**40),
    )


# A journal stores no NUL and no half of a surrogate pair in a text (tests/target_stripe_flow/results/test_storable.py).
ATTEMPTS = {
    "sqlite": attempts_with(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)),
    "postgresql": attempts_with(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)),
}


@pytest.fixture(scope="module", params=KINDS)
def drawn(request: pytest.FixtureRequest) -> Iterator[tuple[Journal, st.SearchStrategy[Attempt]]]:
    """A journal for many examples, and the attempts that it can store."""
    if request.param == "sqlite":
        with open_in_memory() as (reader, writer):
            yield Journal("in memory", reader, writer), ATTEMPTS["sqlite"]
        return
    server: Postgres = request.getfixturevalue("postgres")
    with location_of({"journal_url": server.database()}).open_journal() as journal:
        yield journal, ATTEMPTS["postgresql"]


@given(data=st.data())
def test_a_row_is_read_as_it_was_written(
    drawn: tuple[Journal, st.SearchStrategy[Attempt]], data: st.DataObject
) -> None:
    journal, attempts = drawn
    attempt = data.draw(attempts)
    journal.open_attempt(attempt)

    assert journal.latest(attempt.digest) == attempt
    journal.forget(attempt)


@pytest.mark.parametrize("kind", KINDS)
def test_the_migrations_create_the_tables_of_the_schema(kind: str, postgres: Postgres) -> None:
    def an_engine() -> Engine:
        url = "sqlite://" if kind == "sqlite" else postgres.database().replace("postgresql", "postgresql+psycopg")
        return create_engine(url)

    by_migration, by_schema = an_engine(), an_engine()
    with by_migration.begin() as connection:
        migrate(connection, "x")
    METADATA.create_all(by_schema)

    def described(engine: Engine) -> dict[str, object]:
        inspector = inspect(engine)
        return {
            table: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
                inspector.get_pk_constraint(table)["constrained_columns"],
                [(index["name"], index["column_names"]) for index in inspector.get_indexes(table)],
            )
            for table in inspector.get_table_names()
        }

    assert described(by_migration) == described(by_schema)
    by_migration.dispose()
    by_schema.dispose()


def test_the_index_of_open_attempts_covers_every_open_state(location: Location) -> None:
    with location.open_journal():
        pass

    index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'open_attempts' AND schemaname = current_schema()"
    if isinstance(location, File):
        index = "SELECT sql FROM sqlite_master WHERE name = 'open_attempts'"
    [(definition,)] = query(location, index)
    assert {state for state in State if f"'{state.value}'" in definition} == OPEN


def test_open_attempts_are_read_by_their_index(location: Location) -> None:
    with location.open_journal():
        pass

    states = ", ".join(f"'{state.value}'" for state in sorted(OPEN))
    select = f"SELECT * FROM attempts WHERE account = 'acct_1' AND mode = 'test' AND state IN ({states})"
    assert "open_attempts" in plan_of(location, select)


def plan_of(location: Location, select: str) -> str:
    """How the database would execute the query if the table were large."""
    if isinstance(location, File):
        with closing(sqlite3.connect(location.path)) as raw:
            return str(raw.execute(f"EXPLAIN QUERY PLAN {select}").fetchall())
    assert isinstance(location, Shared)
    with psycopg.connect(location.url.render_as_string(hide_password=False)) as connection:
        connection.execute("SET enable_seqscan = off")
        return str(connection.execute(f"EXPLAIN {select}".encode()).fetchall())


def test_open_attempts_are_those_of_the_account(journal: Journal) -> None:
    for number, state in enumerate(State):
        journal.open_attempt(an_attempt(number, state=state))
    journal.open_attempt(an_attempt("of another account", account="acct_2"))

    found = journal.open_attempts("acct_1", "test")

    assert {attempt.state for attempt in found} == OPEN


def test_the_latest_attempt_is_the_one_that_counts(journal: Journal) -> None:
    first = an_attempt(state=State.REFUSED)
    for attempt in (first, replace(first, attempt=2, state=State.CREATED)):
        journal.open_attempt(attempt)

    latest = journal.latest(first.digest)

    assert latest is not None
    assert (latest.attempt, latest.state) == (2, State.CREATED)
    assert [attempt.attempt for attempt in journal.attempts_of(first.digest)] == [1, 2]


def test_all_writes_of_many_threads_are_stored(journal: Journal, location: Location) -> None:
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

    with location.open_read_only() as stored:
        assert {attempt.stripe_id for attempt in stored.walk({}, page=7)} == {
            f"cus_{worker}_{number}" for worker in range(8) for number in range(25)
        }


def test_a_failed_write_raises_in_the_thread_that_wrote_and_quotes_no_row(journal: Journal) -> None:
    nameless = an_attempt("Ann", account=None)

    with pytest.raises(JournalBroken, match=r"(?i)not.null constraint") as caught:
        journal.open_attempt(nameless)

    assert "Ann" not in str(caught.value), "PostgreSQL quotes the whole row"
    journal.open_attempt(an_attempt("8"))
    assert journal.latest(a_digest("8")) is not None


def test_a_value_that_no_column_can_store_raises_too(journal: Journal) -> None:
    with pytest.raises(JournalBroken):
        journal.open_attempt(an_attempt(first_sent_unix=2**70))


def test_an_attempt_is_opened_once(journal: Journal) -> None:
    journal.open_attempt(an_attempt())

    with pytest.raises(Superseded):
        journal.open_attempt(an_attempt(body=b"name=Zoe"))

    assert journal.attempts_of(an_attempt().digest) == [an_attempt()]


def test_a_row_that_was_written_since_it_was_read_is_not_overwritten(journal: Journal) -> None:
    read = an_attempt()
    journal.open_attempt(read)
    created = replace(read, state=State.CREATED, stripe_id="cus_1")
    journal.change(created, was=read)

    with pytest.raises(Superseded):
        journal.change(replace(read, state=State.UNKNOWN), was=read)

    assert journal.latest(read.digest) == created


def test_a_later_attempt_is_not_forgotten_with_an_earlier_one(journal: Journal) -> None:
    read = an_attempt(state=State.REFUSED)
    journal.open_attempt(read)
    journal.open_attempt(replace(read, attempt=2, state=State.INTENT))

    journal.forget(read)

    assert [attempt.attempt for attempt in journal.attempts_of(read.digest)] == [2]


def test_a_rebuild_keeps_the_rows_that_the_journal_has(journal: Journal) -> None:
    journal.open_attempt(an_attempt(1))

    new = journal.add([an_attempt(number, state=State.CREATED) for number in (2, 1, 3)])

    assert new == 2
    kept = journal.latest(a_digest(1))
    assert kept is not None
    assert kept.state is State.INTENT


@pytest.mark.promise("target 1", "One process at a time writes a journal file; others can read it meanwhile")
def test_the_journal_can_be_read_but_not_written_while_a_run_owns_it(journal: Journal, location: Location) -> None:
    journal.open_attempt(an_attempt())

    with location.open_read_only() as opened:
        assert len(list(opened.walk({}))) == 1
        with pytest.raises(JournalBroken, match=r"read-?only"):
            opened.open_attempt(an_attempt("8"))


def test_reading_a_missing_journal_names_init_and_creates_none(location: Location) -> None:
    with pytest.raises(Misconfigured, match="stripe-flow journal init"), location.open_read_only():
        pass

    assert not location.is_there()


def test_a_journal_of_a_newer_release_is_refused(location: Location) -> None:
    with location.open_journal():
        pass
    query(location, f"INSERT INTO journal_versions VALUES ({len(MIGRATIONS) + 1}) RETURNING version")

    with pytest.raises(Misconfigured, match="newer release"), location.open_journal():
        pass
    with pytest.raises(Misconfigured, match="newer release"), location.open_read_only():
        pass


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (None, "project/stripe-flow-journal.db"),
        ("sqlite:///mine.db", "project/mine.db"),
        ("sqlite:////var/mine.db", "/var/mine.db"),
    ],
)
def test_a_relative_path_is_in_the_meltano_project(url: str | None, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_journal_url_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Misconfigured, match="journal_url") as refused:
        location_of({"journal_url": url})

    assert "canary" not in str(refused.value)
