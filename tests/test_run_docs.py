"""The commands of the pages that are run, and the reason for each that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.run_docs import CUSTOMER_S, PAGES, RECORDS_S, Ran, blocks, own_env, script
from tests.support.plugins import ROOT

FENCED = re.compile(r"^ *```", re.MULTILINE)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_is_run_or_says_why_not(page: str) -> None:
    found = [each for each in blocks(text(page)) if not each.file]

    assert len(found) == len(re.findall(r"```sh\b", text(page)))
    assert any(not each.why_not for each in found)
    assert not re.search(r"^```(bash|shell|console|zsh)", text(page), re.MULTILINE)


@pytest.mark.parametrize("page", [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))])
def test_shell_blocks_are_only_on_pages_that_are_run(page: str) -> None:
    """`sh` is for what the runner runs, or refuses with a reason: elsewhere a block of commands has no language."""
    assert page in PAGES or not re.search(r"^```sh\b", text(page), re.MULTILINE)
    assert len(FENCED.findall(text(page))) % 2 == 0


def test_blocks_marked_not_run_are_skipped_and_the_others_run_unchanged() -> None:
    page = "\n".join(
        [
            *("```sh", "one", "```", "between", "<!-- a remark -->", "```sh", "two $x", "three", "```"),
            *("<!-- not run: it needs a key -->", "```sh", "four", "```", "```yaml", "five: 5", "```"),
        ]
    )

    assert script(page) == "set -ev\none\ntwo $x\nthree\n"
    assert [each.why_not for each in blocks(page)] == ["", "", "it needs a key"]


def test_the_runner_uses_none_of_the_user_s_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:

    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_of_somebody")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")

    env = own_env(tmp_path)

    assert "STRIPE_API_KEY" not in env
    assert (env["HOME"], env["PIP_INDEX_URL"]) == (str(tmp_path), "kept")


@pytest.mark.parametrize(
    ("code", "record", "customer", "expected"),
    [
        (0, RECORDS_S - 1.0, CUSTOMER_S - 1.0, True),
        (0, RECORDS_S + 1.0, CUSTOMER_S - 1.0, False),
        (0, RECORDS_S - 1.0, CUSTOMER_S + 1.0, False),
        (0, None, 1.0, False),
        (0, 1.0, None, False),
        (1, 1.0, 1.0, False),
    ],
)
def test_a_page_is_in_time_with_both_marks_and_no_failure(
    code: int, record: float | None, customer: float | None, *, expected: bool
) -> None:
    ran = Ran(code=code, output="", took=300, first_record=record, first_customer=customer)

    assert ran.is_in_time() is expected
