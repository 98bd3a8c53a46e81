"""Messages about a journal that cannot be used: its location, what is wrong, and the next step."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from target_stripe_flow.journal.migrations import MIGRATIONS
from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

JOURNAL = "stripe-flow-journal.db"
LINES = [a_schema("customers"), *(a_record("customers", id=number, name="Canary Jones") for number in range(40))]
ANEW = "Move it away, make a new one with `stripe-flow journal init --config .*`, and refill it with `stripe-flow j"


def execute(journal: Path, statement: str) -> None:
    with closing(sqlite3.connect(journal)) as raw:
        raw.execute(statement)
        raw.commit()


def cut(journal: Path, at: int) -> None:
    journal.write_bytes(journal.read_bytes()[:at])


def overwritten(journal: Path) -> None:
    whole = journal.read_bytes()
    journal.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))


def replaced_by_a_folder(journal: Path) -> None:
    journal.unlink()
    journal.mkdir()


# The damage to a journal that has rows, and the message.
JOURNALS: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "of a newer release",
        lambda path: execute(path, f"INSERT INTO journal_versions VALUES ({len(MIGRATIONS) + 1})"),
        f"is of a newer release .its version is {len(MIGRATIONS) + 1}, .*: install that release, or set journal_url",
    ),
    ("a text", lambda path: path.write_text("canary, " * 5000), rf"\(file is not a database\).*{ANEW}"),
    ("cut in its head", lambda path: cut(path, 50), rf"cannot be used \(.*\): it is damaged, or not a journal. {ANEW}"),
    ("cut in its rows", lambda path: cut(path, 9000), rf"cannot be used \(.*malformed\): .* damaged.* {ANEW}"),
    ("overwritten", overwritten, rf"cannot be used \(.*malformed\): .* damaged.* {ANEW}"),
    ("a folder", replaced_by_a_folder, r"opened or created \(Is a directory\): fix that, or set journal_url"),
    (
        "another program's",
        lambda path: execute(path, "ALTER TABLE attempts DROP COLUMN reason"),
        r"cannot be used \(.*reason.*\): fix that and run again",
    ),
]


@pytest.mark.parametrize(("damage", "message"), [case[1:] for case in JOURNALS], ids=[case[0] for case in JOURNALS])
def test_a_journal_that_cannot_be_used_is_one_clear_line(
    *, damage: Callable[[Path], object], message: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    run_target(tmp_path, a_config(sandbox.url), LINES)
    before = len(sandbox.requests())
    damage(tmp_path / JOURNAL)

    done = run_target(tmp_path, a_config(sandbox.url), LINES)

    assert (done.code, len(done.errors), done.output) == (1, 1, ""), done.log
    assert_says(f"the journal {JOURNAL} .*{message}", done.errors[0])
    assert_clean(done.log)
    assert not [each for each in sandbox.requests()[before:] if each["method"] == "POST"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"journal_url": "sqlite:///no/such/j.db"},
            "the journal no/such/j.db cannot be (opened or created|created|written) .*: fix that, or set journal_url",
        ),
        (
            {"journal_url": "sqlite:///file/j.db"},
            "the journal file/j.db cannot be (opened or created|created|written) .*: fix that, or set journal_url",
        ),
        ({"rejects_path": "no/such/r"}, "the rejects file 'no/such/r' cannot be written .*set rejects_path"),
        ({"rejects_path": "file/r"}, "the rejects file 'file/r' cannot be written .*set rejects_path"),
        ({"rejects_path": "/dev/full"}, "the rejects file '/dev/full' cannot be written .it is not a regular file"),
    ],
)
@pytest.mark.parametrize("is_dry", [False, True], ids=["a run", "a dry run"])
def test_a_path_that_cannot_be_written_is_one_clear_line(
    *, settings: dict[str, object], message: str, is_dry: bool, sandbox_url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    done = run_target(tmp_path, a_config(sandbox_url, dry_run=is_dry, **settings), LINES)

    assert (done.code, len(done.errors)) == (1, 1)
    assert_says(message, done.errors[0])
