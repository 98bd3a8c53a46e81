"""Every mistake in the settings or in a file: the message names file, line, column and fix, and no personal data."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tap_records.errors import RecordsError
from tests.tap_records.command import records, run, run_bare

SECRET = "ann@example.com"  # personal data, in every file below


class Fault(NamedTuple):
    """A file `rows.csv` or `rows.jsonl`, the other settings of its entry in `files`, and a part of the message."""

    says: str
    text: str
    suffix: str = "csv"
    types: dict[str, str] = {}  # noqa: RUF012 - never changed
    keys: tuple[str, ...] = ("id",)
    delimiter: str = ""
    encoding: str = ""


FAULTS = {
    "no header": Fault("rows.csv': has no header. Write", ""),
    "a header that was forgotten": Fault("line 1, column 'id': this key is not in the header", f"{SECRET},Ann\nc,d\n"),
    "a name twice": Fault("line 1: names 2 and 3 of the header are the same", f"id,{SECRET},{SECRET}\n"),
    "no name": Fault("line 1: name 2 of the header is empty", f"id,,{SECRET}\n"),
    "only empty names": Fault("has no header", ",,\n1,2,3\n"),
    "the header again": Fault("line 3: the header is here again", f"id,a\n1,{SECRET}\nid,a\n2,b\n"),
    "the header again, as another program writes it": Fault(
        "line 3: the header is here again", f"id,a\n1,{SECRET}\n\ufeffID, A,\n2,b,\n"
    ),
    "the header again below columns without a name": Fault(
        "line 3: the header is here again", f"id,a,,\n1,{SECRET},,\nid,a,,\n"
    ),
    "a value below no name": Fault("line 3: the row has 4 cells, the header has 2", f"id,a,,\n1,2,,\n1,2,,{SECRET}\n"),
    "a name with a space": Fault("line 1: name 2 of the header is empty, starts or ends with a space", "id, a\n"),
    "a name with two dots in a row": Fault("line 1: name 2 of the header is empty", "id,a..b\n"),
    "a value that is an object too": Fault("line 1: name 2 of the header is a value and also an object", "id,a,a.b\n"),
    "a type for no column": Fault("column 'x': has no such column", "id\n", types={"x": "integer"}),
    "a delimiter that is another": Fault("column 'id': this key is not in the header", "id,a\n", delimiter=";"),
    "a short row": Fault("line 3: the row has 1 cells, the header has 2", f"id,a\n1,{SECRET}\n{SECRET}\n"),
    "a long row": Fault("line 2: the row has 3 cells, the header has 2", f"id,a\n1,2,{SECRET}\n"),
    "a row after one of two lines": Fault("line 4: the row has 1 cells", f'id,a\n1,"two\nlines"\n{SECRET}\n'),
    "an open quote": Fault("line 3: not CSV: the quote that is open here never ends", f'id,a\n1,2\n2,"{SECRET}\n3,4\n'),
    "text after a quote": Fault("line 2: not CSV: text follows a closing quote", f'id,a\n1,"{SECRET}"x\n'),
    "an open quote before another one": Fault("line 2: not CSV: text follows a closing", f'id,a\n1,"{SECRET}\n2,"b"\n'),
    "lines that end in \\r": Fault("line 1: not CSV: a line ends in \\r alone", f"id,a\r1,{SECRET}\r"),
    "a cell without end": Fault(
        "line 2: not CSV: a cell has over 16777216 characters, or", f'id,a\n1,"{(SECRET * 4000 + chr(10)) * 280}'
    ),
    "no key in a row": Fault("line 3, column 'id': a key must be", f"id,a\n1,2\n,{SECRET}\n"),
    "half an integer": Fault("line 2, column 'a': expected an integer", "id,a\n1,1.5\n", types={"a": "integer"}),
    "a name for an integer": Fault("column 'a': expected an integer", f"id,a\n1,{SECRET}\n", types={"a": "integer"}),
    "a zero in front": Fault("column 'id': expected an integer", "id\n007\n", types={"id": "integer"}),
    "a plus": Fault("column 'a': expected an integer", "id,a\n1,+5\n", types={"a": "integer"}),
    "a space": Fault("column 'a': expected an integer", "id,a\n1, 5\n", types={"a": "integer"}),
    "foreign digits": Fault("column 'a': expected an integer", "id,a\n1,\u0665\n", types={"a": "integer"}),
    "5,000 digits": Fault("column 'a': expected an integer", f"id,a\n1,{'9' * 5000}\n", types={"a": "integer"}),
    "no number": Fault("column 'a': expected a number", "id,a\n1,NaN\n", types={"a": "number"}),
    "no end to a number": Fault("column 'a': expected a number", "id,a\n1,1e999\n", types={"a": "number"}),
    "a yes": Fault("column 'a': expected true or false", "id,a\n1,yes\n", types={"a": "boolean"}),
    "no JSON in a cell": Fault("expected a JSON object", f"id,a\n1,{SECRET}\n", types={"a": "object"}),
    "an array for an object": Fault("column 'a.b': expected a JSON obj", "id,a.b\n1,[]\n", types={"a.b": "object"}),
    "half a line of JSON": Fault(
        "line 2: the line is not one JSON object", f'{{"id":1}}\n{{"id":2,"a":"{SECRET}', "jsonl"
    ),
    "an array on a line": Fault("line 1: the line is not one JSON object", f'["{SECRET}"]\n', "jsonl"),
    "NaN on a line": Fault("line 1: the line is not one JSON object", '{"id":1,"a":NaN}\n', "jsonl"),
    "a name twice on a line": Fault(
        "line 1: the line is not one JSON object", f'{{"id":1,"{SECRET}":1,"{SECRET}":2}}\n', "jsonl"
    ),
    "a bottomless line": Fault("line 1: the line is not one JSON object", '{"a":' * 5000 + "1" + "}" * 5000, "jsonl"),
    "101 levels": Fault("line 1: the line is not one JSON object", '{"a":' * 101 + "1" + "}" * 101, "jsonl"),
    "an exponent without end": Fault("line 1: the line is not one JSON object", f'{{"a":1e{"9" * 30}}}', "jsonl"),
    "no key on a line": Fault("line 2, column 'id': a key must be", f'{{"id":1}}\n{{"a":"{SECRET}"}}\n', "jsonl"),
    "an empty key": Fault("line 1, column 'id': a key must be", '{"id":""}\n', "jsonl"),
    "half a key": Fault("line 1, column 'id': a key must be", '{"id":1.5}\n', "jsonl"),
    "a string for an integer": Fault(
        "line 1, column 'a.b': expected an integer", f'{{"id":1,"a":{{"b":"{SECRET}"}}}}\n', "jsonl", {"a.b": "integer"}
    ),
    "true for an integer": Fault("expected an integer", '{"id":1,"a":true}\n', "jsonl", {"a": "integer"}),
    "a string for an object": Fault(
        "expected a JSON object", f'{{"id":1,"a":"{SECRET}"}}\n', "jsonl", {"a.b": "string"}
    ),
    "an unknown encoding": Fault("files[0].encoding names no encoding of Python's", "id\n", encoding="latin-99"),
    "an encoding of bytes": Fault("files[0].encoding names no encoding of Python's", "id\n", encoding="base64"),
    "an encoding with a NUL": Fault("files[0].encoding names no encoding of Python's", "id\n", encoding="utf\0"),
    "an unknown suffix": Fault("format of 'rows.txt' is unknown. Set files[0].format to csv or jsonl", "id\n", "txt"),
    "a delimiter for JSON": Fault("files[0].delimiter is for CSV", "{}\n", "jsonl", delimiter=";"),
    "two delimiters": Fault("files[0].delimiter must be one character", "id\n", delimiter=";;"),
    "a key twice": Fault("names 'id' twice", "id\n", keys=("id", "id")),
    "a key inside an object": Fault("'a.b' is not a top-level column", "a.b\n", keys=("a.b",)),
    "a key that is a number": Fault("'id' is a key. Make it a string or an integer", "id\n", types={"id": "number"}),
    "a type for no name": Fault("files[0].types has an empty name", "id\n", types={"a..b": "string"}),
    "types that clash": Fault("'a' is a value and also an object", "id\n", types={"a": "object", "a.b": "string"}),
    "no such type": Fault("files[0].types.a must be one of string, integer,", "id,a\n", types={"a": "int"}),
}


def entry(fault: Fault, path: str) -> dict[str, object]:
    settings = {
        "stream": "rows",
        "key_properties": list(fault.keys),
        "types": fault.types,
        "delimiter": fault.delimiter,
        "encoding": fault.encoding,
    }
    return {"path": path, **{name: value for name, value in settings.items() if value}}


@pytest.mark.promise("rows", "A wrong row or file is named without personal data")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_mistake_is_named_without_personal_data(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"rows.{fault.suffix}"
    (tmp_path / path).write_text(fault.text, encoding="utf-8", newline="")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MELTANO_PROJECT_ROOT", raising=False)

    with pytest.raises(RecordsError) as raised:
        records(entry(fault, path))

    assert fault.says in raised.value.message
    assert SECRET not in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("name", ["a header that was forgotten", "a name for an integer", "half a line of JSON"])
def test_the_command_logs_a_mistake_in_one_line_and_exits_with_1(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    path = f"rows.{fault.suffix}"
    (tmp_path / path).write_text(fault.text, encoding="utf-8")

    ended = run(tmp_path, [entry(fault, path)])

    assert ended.code == 1
    assert len(ended.errors) == 1
    assert fault.says in ended.errors[0]
    assert "Traceback" not in ended.log
    assert SECRET not in ended.log


def test_the_rows_before_an_invalid_row_are_written(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,a\n1,1\n2,x\n3,3\n", encoding="utf-8")

    ended = run(tmp_path, [{"path": "rows.csv", "stream": "rows", "types": {"a": "integer"}}])

    assert [message["type"] for message in ended.messages] == ["SCHEMA", "RECORD"]
    assert ended.code == 1


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in the setting are relative to an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MELTANO_PROJECT_ROOT", raising=False)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("written", "line", "probable"),
    [
        ("latin-1", 3, "CP1252"),
        ("cp1252", 3, "CP1252"),
        ("utf-16", 1, "UTF-16"),
        ("utf-16-le", 1, "UTF-16LE"),
        ("utf-16-be", 1, "UTF-16BE"),
        ("utf-32", 1, "UTF-32"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_a_file_in_another_encoding_is_told_its_encoding_and_how_to_read_it(
    suffix: str, written: str, line: int, probable: str
) -> None:
    rows = {"csv": "id,name\n1,Ann\n2,Zo\xeb\n", "jsonl": '{"id":"0"}\n{"id":"1"}\n{"id":"2","name":"Zo\xeb"}\n'}
    path = f"my rows.{suffix}"
    Path(path).write_bytes(rows[suffix].encode(written))

    with pytest.raises(RecordsError) as raised:
        records({"path": path, "stream": "rows"})

    assert raised.value.message == (
        f"File '{path}', line {line}: not utf-8. It is probably {probable}: set encoding to {probable} for it in the "
        f"setting 'files', or convert it: iconv -f {probable} -t UTF-8 '{path}' > '{path}.utf8'."
    )
    # Both ways of the message lead to the row.
    subprocess.run(["sh", "-c", raised.value.message.split("convert it: ")[1].removesuffix(".")], check=True)
    for again in ({"path": path, "encoding": probable}, {"path": f"{path}.utf8", "format": suffix}):
        assert records({**again, "stream": "rows"})[-1] == {"id": "2", "name": "Zo\xeb"}


@pytest.mark.parametrize("name", ["utf-16", "utf-8"])
@pytest.mark.usefixtures("in_folder")
def test_a_file_that_ends_within_a_character_is_told_by_its_line(name: str) -> None:
    Path("rows.csv").write_bytes("id,name\n1,Zo\xeb".encode(name)[:-1])

    with pytest.raises(RecordsError, match=rf"'rows\.csv', line 2: not {name}\."):
        records({"path": "rows.csv", "stream": "rows", "encoding": name})


@pytest.mark.parametrize("option", ["--discover", "--test"])
def test_a_missing_file_is_named_with_its_full_path(tmp_path: Path, option: str) -> None:
    ended = run(tmp_path, [{"path": "rows/no.csv", "stream": "rows"}], option)

    fix = f"Fix the file or its path in the setting 'files'; the full path is {tmp_path / 'rows' / 'no.csv'}"
    assert ended.errors == [f"File 'rows/no.csv': cannot be read (No such file or directory). {fix}."]
    assert (ended.code, ended.output, "Traceback" in ended.log) == (1, "", False)


def test_a_folder_and_a_csv_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").mkdir()
    os.mkfifo(tmp_path / "rows.csv")

    with pytest.raises(RecordsError, match=r"rows\.jsonl': cannot be read \(Is a directory\)"):
        records({"path": str(tmp_path / "rows.jsonl"), "stream": "rows"})
    with pytest.raises(RecordsError, match=r"rows\.csv': is not a regular file, but CSV is read twice"):
        records({"path": str(tmp_path / "rows.csv"), "stream": "rows"})


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (
            {"path": "b.csv", "stream": "rows", "key_properties": ["x"]},
            "files[1]: key_properties or types of stream 'rows'",
        ),
        (
            {"path": "b.csv", "stream": "rows", "types": {"id": "integer"}},
            "key_properties or types of stream 'rows' differ from those of 'a.csv'",
        ),
        ({"path": "a.csv", "stream": "rows"}, "files[1]: 'a.csv' is already read into 'rows'"),
        ({"path": "b.csv", "stream": "rows"}, "File 'a.csv', line 1: name 1 of the header is a value and also"),
        ({"path": "b.csv", "stream": ""}, "files[1] has an empty path or stream"),
    ],
)
def test_files_of_one_stream_with_different_settings_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: dict[str, object], says: str
) -> None:
    (tmp_path / "a.csv").write_text("id\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id.inner\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MELTANO_PROJECT_ROOT", raising=False)

    with pytest.raises(RecordsError) as raised:
        records({"path": "a.csv", "stream": "rows"}, second)

    assert says in raised.value.message


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, "Config 'config.json' cannot be read (No such file or directory). Check --config."),
        ("{", "Config 'config.json' is not JSON in UTF-8. Fix its content."),
        ("[]", "Config 'config.json' is not a JSON object. Write it as {…}."),
        ("{}", "Wrong settings: files is missing. Run `tap-records --about`"),
        ('{"files": []}', "Setting 'files' is empty. Name at least one file with its path and stream."),
        ('{"files": [{"path": "a.csv"}]}', "Wrong settings: files[0].stream is missing. Run `tap-records --about`"),
    ],
)
def test_a_broken_config_is_one_line_and_exit_1(tmp_path: Path, config: str | None, says: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config, encoding="utf-8")

    ended = run_bare(tmp_path, "--config", "config.json")

    assert len(ended.errors) == 1
    assert ended.errors[0].startswith(says)
    assert (ended.code, ended.output, "Traceback" in ended.log) == (1, "", False)


def test_settings_may_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id\n1\n", encoding="utf-8")
    files = json.dumps([{"path": "rows.csv", "stream": "rows"}])

    ended = run_bare(tmp_path, "--config", "ENV", env={"TAP_RECORDS_FILES": files})
    broken = run_bare(tmp_path, "--config", "ENV", env={"TAP_RECORDS_FILES": files[:-1]})

    assert ended.messages[1]["record"] == {"id": "1"}
    assert broken.errors == ["Config 'ENV' is not JSON in UTF-8. Fix its content."]
