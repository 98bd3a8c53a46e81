"""Messages of tap-records about mistakes in its settings, its catalog and a stream map."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tap_records.settings import ENTRY, FORMATS
from tap_records.values import TYPES
from tests.messages.saying import assert_clean, assert_says
from tests.support.plugins import Ended, Message, run

ROWS = {"path": "rows.csv", "stream": "rows"}


def read(folder: Path, settings: Message, *options: str) -> Ended:
    (folder / "rows.csv").write_text("id,name\n1,Canary Jones\n")
    (folder / "config.json").write_text(json.dumps(settings))
    return run([sys.executable, "-m", "tap_records", "--config", "config.json", *options], folder)


def misspell(name: str) -> str:
    """`name` with its last two letters swapped."""
    return f"{name[:-2]}{name[-1]}{name[-2]}"


WRONG: list[tuple[Message, str]] = [
    ({"fiels": [ROWS]}, r"files is missing; fiels is unknown: did you mean files\?"),
    ({"files": [ROWS], "stream_map": {}}, r"stream_map is unknown: did you mean stream_maps\?"),
    ({"files": "canary@example.com"}, "files must be of type array, not str"),
    ({"files": [{"path": ["canary"], "stream": "rows"}]}, r"files\[0\].path must be of type string, not list"),
    *(
        (
            {"files": [ROWS, ROWS | {misspell(name): "canary"}]},
            rf"files\[1\]\.{misspell(name)} is unknown: did you mean {name}\?",
        )
        for name in ENTRY.wrapped
    ),
    *(
        ({"files": [ROWS | {"format": f"{name}x"}]}, rf"files\[0\].format must be one of .*: did you mean {name}\?")
        for name in FORMATS
    ),
    *(
        ({"files": [ROWS | {"types": {"id": f"{name}x"}}]}, rf"files\[0\].types.id must be .*: did you mean {name}\?")
        for name in TYPES
    ),
]


@pytest.mark.parametrize(("settings", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_the_message_for_a_wrong_setting_suggests_the_right_one(settings: Message, said: str, tmp_path: Path) -> None:
    done = read(tmp_path, settings)

    assert (done.code, len(done.errors), done.output) == (1, 1, "")
    assert_says(f"^Wrong settings: {said}.* Run `tap-records --about`", done.errors[0])
    assert_clean(done.log)


MAPS = [
    ("1 +", r"Setting stream_maps: .*1 \+\. Fix the setting\."),
    ("int(name)", r"Setting stream_maps fails on a row of the stream 'rows' \(ValueError\)\. Fix the expression\."),
]


@pytest.mark.parametrize(("expression", "said"), MAPS)
def test_a_stream_map_that_fails_is_one_clear_line(expression: str, said: str, tmp_path: Path) -> None:
    done = read(tmp_path, {"files": [ROWS], "stream_maps": {"rows": {"x": expression}}})

    assert (done.code, len(done.errors)) == (1, 1), done.log
    assert_says(said, done.errors[0])
    assert_clean(done.log)


@pytest.mark.parametrize(
    ("content", "said"),
    [("{canary", "is not JSON in UTF-8. Fix its content"), ("[]", "is not a JSON object")],
)
def test_a_bad_catalog_is_one_clear_line(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text(content)

    done = read(tmp_path, {"files": [ROWS]}, "--catalog", "catalog.json")

    assert (done.code, len(done.errors), done.output) == (1, 1, "")
    assert_says(f"Catalog 'catalog.json' {said}", done.errors[0])
    assert_clean(done.log)
