"""Files that other users could read are warned of, by runs and by the doctor, and stay as they are."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from tests.support.plugins import Ended, a_config, a_record, a_schema, run, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import leave_behind

JOURNAL, REJECTS = "journal with blank.db", "stripe-flow-rejects.jsonl"
LINES = [a_schema("customers"), a_record("customers", id=8, name="Bob"), a_record("customers", id=9, name=7)]
# A file → the most files that a run then warns of: SQLite gives the files beside the journal the journal's own mode.
FILES = {JOURNAL: 3, f"{JOURNAL}-wal": 1, REJECTS: 1}


def settings(sandbox: Sandbox, folder: Path, **more: object) -> dict[str, object]:
    return a_config(sandbox.url, source_name="default", journal_url=f"sqlite:///{folder / JOURNAL}", **more)


def warnings(done: Ended) -> list[str]:
    return [line for line in done.log.splitlines() if "chmod" in line]


@pytest.mark.promise("target 14", "A journal, state or rejects file that others may read is warned of")
@pytest.mark.parametrize("mode", [0o640, 0o666, 0o700])
@pytest.mark.parametrize("name", FILES)
def test_a_run_and_the_doctor_name_a_file_with_a_wide_mode_and_leave_it(
    name: str, mode: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    run_target(tmp_path, settings(sandbox, tmp_path), LINES)
    leave_behind(sandbox, f"sqlite:///{tmp_path / JOURNAL}", tmp_path / "killed", "after_execute")
    wide = tmp_path / name
    wide.chmod(mode)
    (tmp_path / "target.json").write_text(json.dumps(settings(sandbox, tmp_path)))

    doctor = run(
        [sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", "target", "--config", "target.json"], tmp_path
    )
    dry = run_target(tmp_path, settings(sandbox, tmp_path, dry_run=True), LINES)
    done = run_target(tmp_path, settings(sandbox, tmp_path), LINES)

    shown = f"`chmod 600 '{wide}'`" if " " in name else f"`chmod 600 {wide}`"
    assert f"{wide} has the mode {mode:03o}, and it holds personal data: run {shown}" in doctor.output
    for each in (dry, done):
        assert each.code in {0, 3}, "a dry run leaves the open attempt"
        assert any(shown in line and "WARNING" in line for line in warnings(each))
        assert len(warnings(each)) <= FILES[name]
    # At the end of a run SQLite deletes the -wal.
    assert [stat.S_IMODE(each.stat().st_mode) for each in (wide,) if each.exists()] in ([mode], [])


def test_files_of_their_owner_alone_are_not_warned_of(sandbox: Sandbox, tmp_path: Path) -> None:
    first = run_target(tmp_path, settings(sandbox, tmp_path), LINES)
    again = run_target(tmp_path, settings(sandbox, tmp_path), LINES)

    assert warnings(first) == warnings(again) == []
