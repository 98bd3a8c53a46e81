"""A new stream needs one table entry and a run of the script, as CONTRIBUTING.md says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plugins import ROOT, Ended, a_config, clean_env, command
from tests.support.sandbox import Sandbox

ENTRY = """
TOY = StreamSpec(name="toys", kind="review", path="/v1/reviews", permission="rak_review_read", is_default=True)
STREAMS = (*STREAMS, TOY)
"""


@pytest.mark.promise("release", "A new stream is one entry and one run of a script")
def test_a_toy_stream_is_one_entry_and_a_run_of_the_script(sandbox: Sandbox, tmp_path: Path) -> None:
    made = sandbox.make("review", 120, every_s=600)
    for name in ("tap_stripe_flow", "stripe_flow", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    table = tmp_path / "tap_stripe_flow" / "streams" / "__init__.py"
    table.write_text(table.read_text(encoding="utf-8") + ENTRY, encoding="utf-8")
    env = clean_env() | {"PYTHONPATH": os.pathsep.join([str(tmp_path)])}

    script = [sys.executable, "-m", "scripts.generate_schemas"]
    subprocess.run(script, cwd=tmp_path, check=True, timeout=60, env=env)
    line = command("tap_stripe_flow", tmp_path, a_config(sandbox.url))
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, timeout=60, check=False)

    ended = Ended(code=done.returncode, output=done.stdout.decode(), log=done.stderr.decode())
    assert ended.code == 0
    assert [each["id"] for each in ended.records("toys")] == made
    assert set(ended.states[-1]["bookmarks"]["toys"]) >= {"replication_key_value", "reread_from"}
