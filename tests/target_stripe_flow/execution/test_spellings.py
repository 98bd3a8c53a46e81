"""Keys that look like another key: `A1` and `A1` with blanks are never two objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.journal.location import location_of
from tests.kills.target.rows import TYPES, WAYS, fields_of
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import PLATFORM, Sandbox
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import query

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
SPELLINGS = ["A1   ", " A1", "A1\u00a0", "A1\u200b", "\ufeffA1", "A1\t", "A1\x1f", "\u2060A1\u2060", "A\x001", "\0A1"]
EMPTY = ["   ", "\u200b", "\0", "\ufeff\n"]


def send(sandbox: Sandbox, folder: Path, way: str, *keys: str, **settings: object) -> Ended:
    action, chosen = WAYS[way]
    fields = fields_of(sandbox, action)
    return send_lines(
        sandbox,
        folder,
        a_schema(action),
        *(a_record(action, id=key, **fields) for key in keys),
        a_state(n=1),
        **chosen,
        **settings,
    )


def send_lines(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    rejects = str(folder / "rejects.jsonl")
    return run_target(folder, a_config(sandbox.url, rejects_path=rejects, **settings), lines)


def made(sandbox: Sandbox, way: str) -> int:
    return len([each for each in sandbox.objects(TYPES[WAYS[way][0]]) if "stripe_flow" in each["metadata"]])


def rejects(folder: Path) -> Iterator[dict[str, Any]]:
    lines = map(json.loads, (folder / "rejects.jsonl").read_text().splitlines())
    return (each["stripe_flow"] for each in lines if each["type"] == "RECORD")


@pytest.mark.promise(
    "target 2",
    "A key with blanks or invisible characters at its ends rejects its record and creates no second object",
)
@EVERY_WAY
def test_a_spelling_of_a_known_key_is_rejected_and_says_so(
    way: str, journal_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    send(sandbox, tmp_path, way, "A1", journal_url=journal_url)

    done = send(sandbox, tmp_path, way, *SPELLINGS, *EMPTY, journal_url=journal_url)

    reports = list(rejects(tmp_path))
    assert (made(sandbox, way), len(reports)) == (1, len(SPELLINGS) + len(EMPTY))
    assert {each["field"] for each in reports} == {"id"}
    assert sum("the journal knows" in each["reason"] for each in reports) == len(SPELLINGS)
    assert not any("A1" in each["reason"] for each in reports)
    assert json.loads(done.output) == {"n": 1}
    assert query(journal_url, "SELECT count(*) FROM attempts") == [(1,)]


@EVERY_WAY
def test_both_spellings_in_one_input_are_one_object(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    done = send(sandbox, tmp_path, way, "A1", "A1 ", "B2 ", "B2")

    assert done.summary.startswith("4 records: 2 created, 2 rejected")
    assert made(sandbox, way) == 2
    assert sum("the journal knows" in each["reason"] for each in rejects(tmp_path)) >= 1


@EVERY_WAY
@pytest.mark.parametrize("is_dry", [False, True])
def test_a_spelling_that_an_older_release_sent_stays_unchanged(
    *, way: str, is_dry: bool, journal_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """As its row is in the journal: the fingerprint is that of the same record under a good key."""
    action = WAYS[way][0]
    fields = fields_of(sandbox, action)
    lines = [a_schema(action), a_record(action, id="A1", **fields)]
    send_lines(sandbox, tmp_path, *lines, journal_url=journal_url, **WAYS[way][1])
    scope = Scope(account=PLATFORM, mode="test", source_name="default")
    with location_of({"journal_url": journal_url}).open_journal() as journal:
        [first] = journal.attempts_of(Identity(scope=scope, action=action, source_key=("A1",)).digest)
        for spelling in SPELLINGS:
            digest = Identity(scope=scope, action=action, source_key=(spelling,)).digest
            columns = {name: value for name, value in vars(first).items() if name not in {"digest", "source_key"}}
            journal.open_attempt(an_attempt(digest=digest, source_key=(spelling,), **columns))

    records = [a_record(action, id=spelling, **fields) for spelling in SPELLINGS]
    done = send_lines(sandbox, tmp_path, lines[0], *records, journal_url=journal_url, dry_run=is_dry, **WAYS[way][1])
    changed = [a_record(action, id=spelling, **fields, metadata={"new": "x"}) for spelling in SPELLINGS]
    update = {"journal_url": journal_url, "on_change": "update", "dry_run": is_dry, **WAYS[way][1]}
    then = send_lines(sandbox, tmp_path, lines[0], *changed, **update)

    assert done.summary == f"{len(SPELLINGS)} records: {len(SPELLINGS)} unchanged"
    assert then.summary.startswith(f"{len(SPELLINGS)} records: {len(SPELLINGS)} rejected")
    assert made(sandbox, way) == 1


@pytest.mark.parametrize("action", ACTIONS)
def test_each_part_of_a_key_is_checked(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    fields = fields_of(sandbox, action)
    records: list[Message] = [
        {"shop": "n ", "no": "1"},
        {"shop": "n", "no": "1\0"},
        {"shop": "n", "no": 1},
        {"shop": "n", "no": "1 "},
    ]

    done = send_lines(
        sandbox, tmp_path, a_schema(action, "shop", "no"), *(a_record(action, **fields, **key) for key in records)
    )

    assert done.summary.startswith("4 records: 1 created, 3 rejected")
    assert sorted(each["field"] for each in rejects(tmp_path)) == ["no", "no", "shop"]


def test_a_padded_reference_is_rejected_by_its_field(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema("customers"), a_record("customers", id="c-1", source="tok_visa"), a_schema("charges")]
    money = {"amount": 500, "currency": "usd"}
    lines += [
        a_record("charges", id=number, customer=f"c-1{pad}", **money)
        for number, pad in enumerate([" ", "\0", "\ufeff"])
    ]

    done = send_lines(sandbox, tmp_path, *lines)

    assert done.summary.startswith("4 records: 1 created, 3 rejected")
    assert {each["field"] for each in rejects(tmp_path)} == {"customer"}
    assert all("the journal knows a record of customers" in each["reason"] for each in rejects(tmp_path))
    assert sandbox.objects("charge") == []


@pytest.mark.parametrize("key", [".", "..", "a\0b"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_key_that_can_be_no_product_id_is_rejected(
    key: str, kind: str, request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'journal.db'}" if kind == "sqlite" else request.getfixturevalue("url")
    settings = {"product_id_from_key": True, "journal_url": url}

    runs = [send(sandbox, tmp_path, "products", key, **settings) for _ in range(2)]

    assert [run.summary.split(" (")[0] for run in runs] == ["1 records: 1 rejected"] * 2
    assert [run.messages for run in runs] == [[{"n": 1}]] * 2
    assert [each for each in sandbox.requests() if each["method"] == "POST"] == []
