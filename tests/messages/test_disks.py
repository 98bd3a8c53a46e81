"""Messages about a full disk, a limited file or a read-only folder; each names the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.messages.disks import with_permissions, with_read_only_disk, with_short_files, with_small_disk
from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import Message, a_config, a_record, a_schema, a_state, command, run, run_target
from tests.support.sandbox import Sandbox

Under = Callable[[list[str]], list[str]]

GOOD = [a_record("customers", id=number, name="Canary Jones" * 20) for number in range(150)]
BAD = [a_record("customers", id=number, email=["canary"], description="x" * 3000) for number in range(60)]
IN_SMALL = {"journal_url": "sqlite:///small/journal.db", "rejects_path": "rejects.jsonl"}
REJECTS_IN_SMALL = {"rejects_path": "small/rejects.jsonl"}
LOST_NOTHING = "Nothing is lost: the journal has every request that was sent; the next run reconciles them first"


def small(size: str) -> Under:
    return partial(with_small_disk, folder="small", size=size)


def short(most_bytes: int) -> Under:
    return partial(with_short_files, most_bytes=most_bytes)


read_only: Under = partial(with_read_only_disk, folder="small")

# How the disk fails, the input, the settings, and the message.
DISKS: list[tuple[str, Under, list[Message], Message, str]] = [
    (
        "no room for a journal",
        small("4k"),
        GOOD,
        IN_SMALL,
        r"the journal small/journal.db cannot be used \(.*full\): make room on its disk and run again",
    ),
    (
        "no more room for the journal",
        small("160k"),
        GOOD,
        IN_SMALL,
        rf"the journal small/journal.db cannot be used \(.*full\): make room .* run again\. {LOST_NOTHING}",
    ),
    (
        "a limit to the journal",
        short(130_000),
        GOOD,
        {},
        rf"journal.db cannot be used \(disk I/O error\): its disk is full, limited or failing: .*\. {LOST_NOTHING}",
    ),
    (
        "no more room for rejects",
        small("40k"),
        BAD,
        REJECTS_IN_SMALL,
        r"rejects file 'small/rejects.jsonl' cannot be written \(No space left on device\): fix that, or set rejects_",
    ),
    (
        "a limit to rejects",
        short(130_000),
        BAD,
        {},
        r"rejects file 'stripe-flow-rejects.jsonl' cannot be written \(File too large\): fix that, or set rejects_",
    ),
    (
        "a read-only disk for the journal",
        read_only,
        GOOD,
        IN_SMALL,
        r"journal small/journal.db cannot be opened or created \(Read-only file system\): fix that, or set journal_url",
    ),
    (
        "a read-only disk for rejects",
        read_only,
        BAD,
        REJECTS_IN_SMALL,
        "rejects file 'small/rejects.jsonl' cannot be written .*its folder .* is not writable.*rejects_path",
    ),
    (
        "a folder that may not be written, for the journal",
        with_permissions,
        GOOD,
        IN_SMALL,
        r"the journal small/journal.db cannot be opened or created \(Permission denied\): fix that, or set journal_url",
    ),
    (
        "a folder that may not be written, for rejects",
        with_permissions,
        BAD,
        REJECTS_IN_SMALL,
        "rejects file 'small/rejects.jsonl' cannot be written .*its folder .* is not writable.*rejects_path",
    ),
]


@pytest.mark.volume(cases=2)
@pytest.mark.parametrize(
    ("under", "records", "settings", "message"), [case[1:] for case in DISKS], ids=[case[0] for case in DISKS]
)
def test_a_full_or_read_only_disk_is_one_clear_line_and_loses_nothing(
    *, under: Under, records: list[Message], settings: Message, message: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "small").mkdir(mode=0o500)
    lines = [a_schema("customers"), *records, a_state(done=1)]
    content = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
    line = command("target_stripe_flow", tmp_path, a_config(sandbox.url) | settings)

    done = run(under(line), tmp_path, content)
    (tmp_path / "small").chmod(0o700)
    again = run_target(tmp_path, a_config(sandbox.url) | settings, lines)

    assert (done.code, len(done.errors), done.output) == (1, 1, ""), done.log
    assert_says(message, done.errors[0])
    assert_clean(done.log)
    assert again.code == (0 if records is GOOD else 2)  # nothing but rejects
    assert len(sandbox.objects("customer")) == (len(GOOD) if records is GOOD else 0)


@pytest.mark.parametrize("plugin", ["tap_stripe_flow", "target_stripe_flow", "tap_records"])
@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("> /dev/full", "[Ss]tandard output takes no more .no space left on device.*and run again"),
        (">&-", "[Ss]tandard output is closed.* a file or a pipe"),
    ],
    ids=["full", "closed"],
)
def test_an_output_that_takes_no_more_is_one_clear_line(
    *, plugin: str, output: str, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("id\n1\n")
    rows = {"files": [{"path": "rows.csv", "stream": "rows"}]}
    line = command(plugin, tmp_path, rows if plugin == "tap_records" else a_config(sandbox_url))
    lines = [a_schema("customers"), a_record("customers", id=1, name="Canary"), a_state(done=1)]
    content = b"".join(json.dumps(each).encode() + b"\n" for each in lines)

    done = run(["sh", "-c", f'exec "$@" {output}', "sh", *line], tmp_path, content)

    assert (done.code, len(done.errors)) == (1, 1), done.log
    assert_says(said, done.errors[0])
    assert_clean(done.log)
