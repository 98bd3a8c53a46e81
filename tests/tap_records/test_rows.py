"""Rows become records with the same values."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tap_records.command import records

TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # a file in UTF-8 holds no half of a surrogate pair
NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)
CELLS: dict[str, st.SearchStrategy[object]] = {
    "string": TEXT,
    "integer": st.integers(),
    "number": NUMBERS,
    "boolean": st.booleans(),
    "object": st.dictionaries(TEXT, JSON, max_size=3),
    "array": st.lists(JSON, max_size=3),
}
ROWS = st.lists(st.fixed_dictionaries({}, optional={f"a_{name}": cell for name, cell in CELLS.items()}), max_size=5)

# Python's excel dialect ends lines with \r\n, its unix dialect with \n and quotes every cell.
DIALECTS = (csv.excel, csv.unix_dialect)


@pytest.mark.promise("rows", "Rows of a CSV file keep their values")
@given(
    rows=ROWS,
    delimiter=st.sampled_from(",;\t|"),
    dialect=st.sampled_from(DIALECTS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "gb18030"]),
)
@settings(deadline=None)
def test_csv_rows_keep_their_values(
    rows: list[dict[str, object]], delimiter: str, dialect: type[csv.Dialect], encoding: str
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(
                file, ["key", *(f"a_{name}" for name in CELLS)], dialect=dialect, delimiter=delimiter
            )
            writer.writeheader()
            for number, row in enumerate(rows):
                writer.writerow({"key": f"k{number}", **{name: as_cell(value) for name, value in row.items()}})

        found = records(
            {
                "path": str(path),
                "stream": "rows",
                "key_properties": ["key"],
                "types": {f"a_{name}": name for name in CELLS},
                "delimiter": delimiter,
                "encoding": encoding.removesuffix("-sig"),
            }
        )

    # An empty cell is absent, so an empty string cannot be told from none.
    assert found == [
        {"key": f"k{number}", **{name: value for name, value in row.items() if value != ""}}
        for number, row in enumerate(rows)
    ]


@pytest.mark.promise("rows", "Rows of a JSONL file are unchanged")
@given(rows=st.lists(st.dictionaries(TEXT.filter(lambda name: name != "key"), JSON, max_size=5), max_size=5))
@settings(deadline=None)
def test_jsonl_rows_are_unchanged(rows: list[dict[str, object]]) -> None:
    keyed = [{"key": number, **row} for number, row in enumerate(rows)]
    with TemporaryDirectory() as folder:
        path = Path(folder, "rows.jsonl")
        path.write_text("".join(as_json(row) + "\n" for row in keyed), encoding="utf-8", newline="\n")

        found = records({"path": str(path), "stream": "rows", "key_properties": ["key"]})

    assert found == keyed


@pytest.mark.parametrize("number", ["1.10", "-0.0", "1E+400", "123456789012345678901234567890.12345678901234567890"])
def test_a_jsonl_number_keeps_its_digits(tmp_path: Path, number: str) -> None:
    path = written(tmp_path / "rows.jsonl", f'{{"a": {number}}}\n')

    [record] = records({"path": path, "stream": "rows"})

    assert str(record["a"]) == number


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_a_spreadsheet_adds_at_the_ends_is_no_row_and_no_column(tmp_path: Path, end: str) -> None:
    lines = ["id,a,,", "c1,A,,", ",,,", "c2,B", "  , ,,", "c3,,", "", "c4,C,,,"]
    path = written(tmp_path / "rows.csv", end.join(lines))

    found = records({"path": path, "stream": "rows", "key_properties": ["id"]})

    assert found == [{"id": "c1", "a": "A"}, {"id": "c2", "a": "B"}, {"id": "c3"}, {"id": "c4", "a": "C"}]


@pytest.mark.parametrize("quoted", [True, False])
def test_a_cell_may_be_as_long_as_in_jsonl(tmp_path: Path, *, quoted: bool) -> None:
    long = "x" * 200_000
    path = written(tmp_path / "rows.csv", f'id,a\n1,"{long}"\n' if quoted else f"id,a\n1,{long}\n")

    assert records({"path": path, "stream": "rows"}) == [{"id": "1", "a": long}]


def test_a_dot_in_a_column_s_name_makes_an_object(tmp_path: Path) -> None:
    path = written(
        tmp_path / "rows.csv",
        "id,metadata.plan,shipping.name,shipping.address.line1\n1,gold,Ann,Street 1\n2,,Bo,\n3,,,\n",
    )

    found = records({"path": path, "stream": "rows", "key_properties": ["id"]})

    assert found == [
        {"id": "1", "metadata": {"plan": "gold"}, "shipping": {"name": "Ann", "address": {"line1": "Street 1"}}},
        {"id": "2", "shipping": {"name": "Bo"}},
        {"id": "3"},
    ]


def test_a_type_may_be_set_for_a_member_of_an_object(tmp_path: Path) -> None:
    flat = written(tmp_path / "rows.csv", "id,package.weight\n1,12\n")
    nested = written(tmp_path / "rows.jsonl", '{"id": "2", "package": {"weight": 3}}\n{"id": "3", "package": null}\n')
    settings_of = {"stream": "rows", "key_properties": ["id"], "types": {"package.weight": "integer"}}

    found = records({"path": flat, **settings_of}, {"path": nested, **settings_of})

    assert found == [
        {"id": "1", "package": {"weight": 12}},
        {"id": "2", "package": {"weight": 3}},
        {"id": "3", "package": None},
    ]


def test_empty_lines_are_skipped(tmp_path: Path) -> None:
    table = written(tmp_path / "rows.csv", "id\n1\n\n2\n\n")
    lines = written(tmp_path / "rows.jsonl", '\n{"id": "3"}\n  \n{"id": "4"}')

    found = records(
        {"path": table, "stream": "rows", "key_properties": ["id"]},
        {"path": lines, "stream": "rows", "key_properties": ["id"]},
    )

    assert [record["id"] for record in found] == ["1", "2", "3", "4"]


def test_a_row_of_100_levels_is_written(tmp_path: Path) -> None:
    text = '{"a":' * 100 + "1" + "}" * 100
    path = written(tmp_path / "rows.jsonl", text + "\n")

    [record] = records({"path": path, "stream": "rows"})

    assert json.dumps(record, separators=(",", ":")) == text


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def as_json(value: object) -> str:
    """JSON text that keeps the digits of Decimal values."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{as_json(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(as_json(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def as_cell(value: object) -> str:
    return value if isinstance(value, str) else as_json(value)
