"""A rejects_path that names another file of the connection: exit 1, and nothing is written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.rejects_path import check_rejects_path
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

JOURNAL = "stripe-flow-journal.db"
BAD = a_record("charges", id="q", amount="x", currency="usd")
GOOD = a_record("charges", id="q2", amount=100, currency="usd", source="tok_visa")


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal", ".lock"])
@pytest.mark.parametrize("other_name", ["", "./", "sub/../", "link"])
@pytest.mark.parametrize("exists", [True, False])
def test_the_journal_has_files_of_its_own(
    end: str, other_name: str, *, exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"{JOURNAL}{end}"
    if exists:
        Path(name).write_bytes(b"x")
    Path("sub").mkdir()
    if other_name == "link":
        Path("link").symlink_to(name)
    path = "link" if other_name == "link" else f"{other_name}{name}"

    for config in ({"rejects_path": path}, {"rejects_path": str(tmp_path / path)}):
        with pytest.raises(Misconfigured, match="set rejects_path to a file of its own"):
            check_rejects_path(config)

    journal_url = {"journal_url": f"sqlite:///{tmp_path}/{JOURNAL}"}
    with pytest.raises(Misconfigured, match="set rejects_path to a file of its own"):
        check_rejects_path({"rejects_path": path} | journal_url)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"SQLite format 3\0" + b"\0" * 84, "a database"),
        (json.dumps(a_config("http://127.0.0.1:1"), indent=1).encode(), "a JSON object"),
        (b'{"bookmarks": {"charges": {"start": 1}}}\n', "a JSON object"),
        (b'{"streams": []}', "a JSON object"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_bytes(content)

    with pytest.raises(Misconfigured, match=f"holds {why}, and no rejects: set rejects_path"):
        check_rejects_path({"rejects_path": str(path)})

    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content", [b"", b"a note of mine\n", b'{"type": "SCHEMA"}\n{"type": "RECORD"}\n', b'{"type": "SCH']
)
def test_lines_of_rejects_and_notes_are_taken(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_bytes(content)

    assert check_rejects_path({"rejects_path": str(path)}) == path


@pytest.mark.parametrize("name", ["a\0b", "x\ud800y", "n" * 300, "config.json/x", "loop", "no folder/x"])
def test_a_path_that_no_file_can_have_is_refused_before_anything_is_sent(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(Misconfigured, match=r"cannot be written .*: fix that, or set rejects_path"):
        check_rejects_path({"rejects_path": f"{tmp_path}/{name}"})


@pytest.mark.promise("target 7", "A `rejects_path` that is another file ends the run before anything is written")
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    "name",
    [JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}.lock", "hard link", "target_stripe_flow.json", ".", "/dev/null", "pipe"],
)
def test_a_run_writes_nothing(name: str, *, dry_run: bool, sandbox: Sandbox, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "other.db").write_bytes(b"SQLite format 3\0")
    os.link(tmp_path / "other.db", tmp_path / "hard link")
    config = a_config(sandbox.url, rejects_path=name, dry_run=dry_run)

    done = run_target(tmp_path, config, [a_schema("charges"), BAD, GOOD])

    assert (done.code, len(done.errors)) == (1, 1)
    assert "rejects_path" in done.errors[0]
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        *("hard link", "other.db", "pipe", "target_stripe_flow.json"),
    ]
    assert (tmp_path / "other.db").read_bytes() == b"SQLite format 3\0"
    assert [each for each in sandbox.requests() if each["method"] == "POST"] == []
