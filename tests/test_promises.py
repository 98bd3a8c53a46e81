"""Every promise has a test that carries its sentence."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from scripts.generate_promises import HEADINGS, Promise, promises
from tests.support.plugins import ROOT

ALL = promises()


@pytest.mark.parametrize("group", HEADINGS)
def test_make_test_tries_each_promise(group: str) -> None:
    assert any(each.group == group and not each.is_volume for each in ALL)


def test_a_mark_names_a_promise_and_proves_it_by_a_test() -> None:
    assert {each.group for each in ALL} <= set(HEADINGS)
    assert [each for each in ALL if not each.test.startswith("test_")] == []


def test_a_sentence_is_in_one_group() -> None:
    groups = {each.sentence: each.group for each in ALL}

    assert [each for each in ALL if groups[each.sentence] != each.group] == []


def test_each_mark_in_the_tests_is_read() -> None:
    written = sum(
        path.read_text(encoding="utf-8").count("\n@pytest.mark.promise(") for path in (ROOT / "tests").rglob("*.py")
    )

    assert len(ALL) == written


def test_marks_are_read_by_file_and_line_with_what_they_say(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_one.py").write_text(
        textwrap.dedent("""
            @pytest.mark.promise("tap 1", "It is " "so")
            @given(number=...)
            @pytest.mark.promise("tap 2", "It is more")
            def test_it(number): ...

            @pytest.mark.volume
            @pytest.mark.promise("tap 3", "It is long")
            def test_long(): ...

            def test_another(): ...
        """)
    )

    assert promises(folder) == [
        Promise("tests/test_one.py", 2, "test_it", "tap 1", "It is so", draws_cases=True),
        Promise("tests/test_one.py", 4, "test_it", "tap 2", "It is more", draws_cases=True),
        Promise("tests/test_one.py", 8, "test_long", "tap 3", "It is long", is_volume=True),
    ]
