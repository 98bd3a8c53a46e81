"""The journal in an SQLite file: its lock, its permissions, and what reading leaves on the disk."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.file_lock import FileLock
from target_stripe_flow.journal.filesystem import remote_file_system
from target_stripe_flow.journal.group_commit import JournalBroken
from target_stripe_flow.journal.location import File
from target_stripe_flow.journal.opening import open_journal
from tests.support.plugins import ROOT, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import config, lines


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db") as journal:
        journal.open_attempt(an_attempt())

        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert set(modes) >= {"journal.db", "journal.db-wal", "journal.db.lock"}
    assert set(modes.values()) == {0o600}


def test_a_second_process_waits_and_names_the_process_that_owns_the_file(tmp_path: Path) -> None:
    path, messages = tmp_path / "journal.db", list[str]()
    with an_owner(path) as owner:
        with pytest.raises(Misconfigured, match=f"in use by the process {owner.pid}"):
            FileLock(path, wait_s=0.3, on_wait=messages.append)

        owner.kill()
        owner.wait(10)
        FileLock(path, wait_s=10, on_wait=messages.append).release()
    assert len(messages) == 1


def test_two_names_of_one_file_have_one_lock(tmp_path: Path) -> None:
    path, alias, messages = tmp_path / "journal.db", tmp_path / "alias.db", list[str]()
    path.touch()
    alias.symlink_to(path)
    with an_owner(alias) as owner:
        with pytest.raises(Misconfigured, match=f"in use by the process {owner.pid}"):
            FileLock(path, wait_s=0.3, on_wait=messages.append)
        owner.kill()


def test_a_lock_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db.lock").mkdir()

    with pytest.raises(Misconfigured, match=r"journal\.db\.lock of the journal cannot be taken \(Is a directory\)"):
        FileLock(tmp_path / "journal.db", wait_s=0, on_wait=print)


@pytest.mark.parametrize("folder", ["what?now", "50%3F", "a#b c"])
def test_the_file_is_at_its_path_whatever_characters_the_path_has(folder: str, tmp_path: Path) -> None:
    location = File(tmp_path / folder / "journal.db")
    location.folder.mkdir()

    with location.open_journal() as journal:
        journal.open_attempt(an_attempt())
        with location.open_read_only() as opened:
            assert list(opened.walk({})) == [an_attempt()]

    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert stat.S_IMODE(location.path.stat().st_mode) == 0o600


def test_the_body_of_a_settled_request_is_erased_from_the_file(tmp_path: Path) -> None:
    sent = an_attempt(body=b"name=Canary+Jones" * 400)

    with open_journal(tmp_path / "journal.db") as journal:
        journal.open_attempt(sent)
    written = (tmp_path / "journal.db").read_bytes()
    with open_journal(tmp_path / "journal.db") as journal:
        journal.change(replace(sent, state=State.CREATED, body=None), was=sent)

    assert b"Canary" in written
    assert b"Canary" not in (tmp_path / "journal.db").read_bytes()


def test_reading_changes_no_file_in_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with an_owner(path) as owner:
        owner.kill()
    with closing(sqlite3.connect(path)) as raw:  # a process that dies before its last commit is in the main file
        raw.execute("PRAGMA wal_autocheckpoint = 0")
        raw.execute("INSERT INTO accepted_lists VALUES ('a', 'b')")
        raw.commit()
        crashed = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for name, content in crashed.items():
        (tmp_path / name).write_bytes(content)
    closed = tmp_path / "closed"
    closed.mkdir()
    with open_journal(closed / "journal.db"):
        pass

    for folder in (tmp_path, closed):
        before = contents(folder)
        with File(folder / "journal.db").open_read_only() as opened:
            assert opened.count() == 0
        assert contents(folder) == before


@pytest.mark.parametrize("content", ["empty", "of another program"])
def test_reading_makes_no_journal_of_another_file(content: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch()
    if content == "of another program":
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("CREATE TABLE theirs (a)")
    before = contents(tmp_path)

    with pytest.raises(Misconfigured, match="journal init"), File(path).open_read_only():
        pass

    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file but SQLite's index of the WAL file, which SQLite makes anew from the rest."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".db-shm"}


@contextmanager
def an_owner(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that owns a journal until it is killed or the block ends."""
    hold = f"from tests.support.owner import hold; hold({str(path)!r})"
    with subprocess.Popen(
        [sys.executable, "-c", hold], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        yield owner


def test_with_a_live_key_an_empty_file_is_a_missing_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    with Sandbox("--live") as live:
        settings = config(live, f"sqlite:///{tmp_path}/journal.db", api_key="sk_live_sandbox", allow_live=True)
        done = run_target(tmp_path, settings, lines())
        requests = live.requests()

    assert (done.code, requests) == (1, [])
    assert "there is no journal" in done.errors[0]


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 4" + b"x" * 200])
def test_a_file_that_is_not_a_journal_is_one_clear_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(content)

    with pytest.raises(JournalBroken, match="file is not a database"), open_journal(tmp_path / "journal.db"):
        pass


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
def test_a_network_file_system_is_recognised(path: str, kind: str | None) -> None:
    assert remote_file_system(Path(path), MOUNTS) == kind
