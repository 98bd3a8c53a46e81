"""The commands of the README and the quick start, unchanged, in a fresh copy with an empty home.

How long they take is for `make run-docs` to judge: here others use the machine, too.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.run_docs import run

pytestmark = pytest.mark.volume


@pytest.mark.promise("meltano", "The commands of the README and the quick start work in an empty home")
def test_the_quick_start_does_what_it_says(tmp_path: Path) -> None:
    ran = run("docs/quick-start.md", tmp_path)

    assert ran.code == 0, ran.output
    sums = re.findall(r"13 records: (.*?)(?: \(.*)?$", ran.output, re.MULTILINE)
    assert sums == [
        "12 created, 1 rejected",
        "11 created, 1 declined, 1 rejected",
        "11 unchanged, 1 declined, 1 rejected",
    ]
    counted = re.findall(r"^ *(\d+) output/charges.jsonl$", ran.output, re.MULTILINE)
    assert counted == ["300", "300"]
    assert ran.first_record is not None
    assert ran.first_customer is not None


def test_the_readme_s_commands_do_what_they_say(tmp_path: Path) -> None:
    ran = run("README.md", tmp_path)

    assert ran.code == 0, ran.output
    assert "The second round created 0 objects and wrote 0 new lines" in ran.output
    # Its project, in the order of its commands.
    assert re.findall(r"^ *(\d+) output/charges.jsonl$", ran.output, re.MULTILINE) == ["300"]
    assert "2 records: 2 created" in ran.output
    assert len(re.findall(r"^customers:[12] +shop +1 +created +cus_", ran.output, re.MULTILINE)) == 2
    assert ran.first_record is not None
    assert ran.first_customer is not None
