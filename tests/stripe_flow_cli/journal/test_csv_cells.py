from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow_cli.journal.csv_cells import MARK, begins_formula, csv_lines, safe_cell

SIGNS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\ufe62", "\u2212", "|", "%")
BEFORE = ("", " ", "\u00a0", "\u3000", "\ufeff", "\u200b", '"', "'", "\n", " \"'", "\0")


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_cell_that_begins_a_formula_gets_an_apostrophe(sign: str, before: str) -> None:
    text = f'{before}{sign}HYPERLINK("x")'

    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "7", "A1", "a=b", "cus_1", "ann@example.com", "O'Neil", "'tis", '"x"', "\u00fc"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.promise("target 14", "No cell of an exported CSV begins a formula")
@given(
    st.lists(st.lists(st.text(st.sampled_from("=+-@'\" \t\r\n,;a1\uff1d\u200b"), max_size=6), min_size=2, max_size=2))
)
def test_what_is_written_can_be_read_back_and_no_cell_begins_a_formula(rows: list[list[str]]) -> None:
    text = "".join(csv_lines(("one", "two"), rows))

    header, *read = csv.reader(io.StringIO(text, newline=""))
    assert header == ["one", "two"]
    assert not any(cell[:1] in set(SIGNS) for row in read for cell in row)
    assert [[cell.removeprefix(MARK) if begins_formula(cell) else cell for cell in row] for row in read] == rows
