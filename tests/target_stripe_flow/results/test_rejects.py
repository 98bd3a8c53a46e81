from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.errors import Misconfigured, Refusal
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.results.origin import Origin, Received
from target_stripe_flow.results.outcome import Outcome, Rejected, Status
from target_stripe_flow.results.rejects import Rejects, masked

CARD_NUMBER = "4242424242424242"
REFUSED = Outcome(status=Status.REJECTED)
DECLINE = Refusal(http_status=402, code="card_declined", decline_code="lost_card", request_id="req_1")


def refused_in(request_id: str) -> Outcome:
    """What Stripe refused: the reason quotes the id of the request."""
    refusal = Refusal(http_status=400, code="amount_too_small", request_id=request_id)
    return Outcome(status=Status.REJECTED, reason=f"Stripe refused it {refusal.words()}", refusal=refusal)


def received(
    record: dict[str, Any], *, stream: str = "charges", keys: tuple[str, ...] = ("id",), line: int = 1
) -> Received:
    return Received(origin=Origin(stream=stream, key_properties=keys), record=record, line=line)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_reject_can_be_mended_and_piped_back(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")

    for number in (1, 2):
        outcome = Outcome(status=Status.DECLINED, reason="the card was declined", refusal=DECLINE)
        rejects.add(received({"id": number}, line=number), outcome)

    schema, first, second = lines(rejects.path)
    assert schema == {"type": "SCHEMA", "stream": "charges", "schema": {"properties": {}}, "key_properties": ["id"]}
    assert (first["record"], second["record"]) == ({"id": 1}, {"id": 2})
    told = first["stripe_flow"]
    assert told.pop("at")
    assert told == {
        "status": "declined",
        "reason": "the card was declined",
        "field": None,
        "code": "card_declined",
        "decline_code": "lost_card",
        "request_id": "req_1",
        "line": 1,
    }


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")

    rejects.add(received({}), REFUSED)

    assert stat.S_IMODE(rejects.path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"rejects file .*nowhere.*rejects_path"):
        Rejects(tmp_path / "nowhere" / "rejects.jsonl").add(received({}), REFUSED)


@pytest.mark.parametrize(("name", "why"), [("", "directory"), ("a\0b", "characters"), ("\ud800", "characters")])
def test_a_path_that_can_be_no_file_is_one_clear_line(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=rf"rejects file .*{why}.*rejects_path") as caught:
        Rejects(tmp_path / name).add(received({}), REFUSED)

    assert str(caught.value).isprintable()


def test_a_pipe_is_refused_rather_than_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Misconfigured, match="no regular file"):
        Rejects(tmp_path / "pipe").add(received({}), REFUSED)


def test_what_is_reported_is_not_reported_again(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"

    for line in (1, 2):  # two runs, and in each the record comes twice
        rejects = Rejects(path)
        for request in ("req_1", "req_2"):
            rejects.add(received({"id": 7, "card": CARD_NUMBER}, line=line), refused_in(f"{request}{line}"))

    assert [each["type"] for each in lines(path)] == ["SCHEMA", "RECORD"]


@pytest.mark.parametrize(
    ("stream", "record", "outcome"),
    [
        ("customers", {"id": 7}, Outcome(status=Status.REJECTED, reason="is wrong", field="amount")),
        ("charges", {"id": 8}, Outcome(status=Status.REJECTED, reason="is wrong", field="amount")),
        ("charges", {"id": "7"}, Outcome(status=Status.REJECTED, reason="is wrong", field="amount")),
        ("charges", {"id": 7}, Outcome(status=Status.UNKNOWN, reason="is wrong", field="amount")),
        ("charges", {"id": 7}, Outcome(status=Status.REJECTED, reason="is missing", field="amount")),
        ("charges", {"id": 7}, Outcome(status=Status.REJECTED, reason="is wrong", field="currency")),
        ("charges", {"id": 7}, Outcome(status=Status.REJECTED, reason="is wrong", field="amount", refusal=DECLINE)),
    ],
)
def test_another_record_or_another_reason_is_reported(
    stream: str, record: dict[str, Any], outcome: Outcome, tmp_path: Path
) -> None:
    path = tmp_path / "rejects.jsonl"
    Rejects(path).add(received({"id": 7}), Outcome(status=Status.REJECTED, reason="is wrong", field="amount"))

    Rejects(path).add(received(record, stream=stream), outcome)

    assert [each["type"] for each in lines(path)] == ["SCHEMA", "RECORD"] * 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=10,
)


@given(record=st.dictionaries(st.text(st.characters()), JSON, max_size=4))
def test_any_record_is_written_once(record: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "rejects.jsonl"

    for _run in (1, 2):
        Rejects(path).add(received(record), REFUSED)
    written = lines(path)[1]["record"]
    Rejects(path).add(received(written), REFUSED)

    assert len(lines(path)) == 2
    assert len(written) == len(record)


@pytest.mark.parametrize(
    "foreign",
    [
        b"no JSON\n",
        b"\xff\n",
        b"[1]\n",
        b"\n",
        b'{"type": "RECORD", "stream": "charges", "record": {"id": 1}}\n',
        b'{"type": "RECORD", "stream": "charges", "record": {"id": 1}, "stripe_flow": "x"}\n',
        b'{"type": "RECORD", "stream": "charges", "record": {"id": 1}, "stripe_flow": {"reason": 5}}\n',
        b"[" * 100_000 + b"\n",
        b'{"type": "RECORD", "stream": "charges", "rec',
    ],
)
def test_what_else_is_in_the_file_stays_and_harms_nothing(foreign: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_bytes(foreign)

    Rejects(path).add(received({"id": 1}), REFUSED)

    written = path.read_bytes()
    assert written.startswith(foreign)
    assert [json.loads(line)["type"] for line in written.splitlines()[-2:]] == ["SCHEMA", "RECORD"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**30, 10**30),
        (-(10**30), -(10**30)),
        pytest.param(10**5000, "[too large a number]", id="5000 digits"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        ("\ud800", "?"),
    ],
)
def test_what_json_cannot_hold_is_written_all_the_same(value: object, shown: object, tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")

    rejects.add(received({"a": value, "\ud800": value, "?": 1}, keys=("id", "\ud800")), refused_in("\ud800"))

    assert lines(rejects.path)[1]["record"] == {"a": shown, "?": shown, "? (2)": 1}


@pytest.mark.parametrize("nested", [lambda inner: {"a": inner}, lambda inner: [inner]], ids=["objects", "lists"])
def test_a_record_of_any_depth_is_written(nested: Callable[[object], object], tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")
    value: object = "x"
    for _level in range(5000):
        value = nested(value)

    rejects.add(received({"id": 1, "deep": value}), REFUSED)

    assert lines(rejects.path)[1]["record"]["id"] == 1
    assert '"[more than 100 levels]"' in rejects.path.read_text()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("4242424242424242", "[card number]"),
        ("card 4242 4242 4242 4242, thanks", "card [card number], thanks"),
        ("4242-4242-4242-4242", "[card number]"),
        (4242424242424242, "[card number]"),
        ("378282246310005", "[card number]"),
        ("6205500000000000004", "[card number]"),
        ("2223003122003222", "[card number]"),
        (4242424242424242.0, "[card number]"),
        (4242424242424242.5, "[card number]"),
        (-4242424242424242, "[card number]"),
        ("4242424242424242.0", "[card number].0"),
        ("4.242424242424242E15", "[card number]E15"),
        ("4242.4242.4242.4242", "[card number]"),
        ("4242\u00a04242\u00a04242\u00a04242", "[card number]"),
        ("4242\u202f4242\u20094242\u30004242", "[card number]"),
        ("4242\t4242  4242 - 4242\n", "[card number]\n"),
        ("4242\u20134242\u20114242\u22124242", "[card number]"),
        ("42\u200b42424242424242", "[card number]"),
        ("\uff14\uff12" * 8, "[card number]"),
        ("visa4242424242424242=2912", "visa[card number]=2912"),
        ("4242 4242 4242 4242 12/29 123", "[card number] 12/29 123"),
        ("order 17: 5555-5555-5555-4444 and 3782 822463 10005.", "order 17: [card number] and [card number]."),
        ("+4242424242424242", "+[card number]"),
        ("1234567890123456", "1234567890123456"),
        ("4242424242424242424242", "4242424242424242424242"),
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000_001, 1_700_000_000_001),
        (1_700_000_000_000_003, 1_700_000_000_000_003),
        ("20240115123006", "20240115123006"),
        ("2024-01-15 12:30:45.123456+00:00", "2024-01-15 12:30:45.123456+00:00"),
        ("2024-01-15 - 2024-02-11", "2024-01-15 - 2024-02-11"),
        ("223.113.100.201", "223.113.100.201"),
        ("+49 170 12345677", "+49 170 12345677"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        (1700000000.123456, 1700000000.123456),
        (True, True),
        (None, None),
        (1.5, 1.5),
        ("key sk_test_canary01", "key sk_test_[redacted]"),
        ({"number": ["4242424242424242"]}, {"number": ["[card number]"]}),
        ("half \ud800", "half ?"),
    ],
)
def test_card_numbers_and_keys_are_masked(value: object, shown: object) -> None:
    assert masked(value) == shown
    assert masked(shown) == shown


PAID = [name for name, spec in ACTIONS.items() if "source" in RecordChecker(spec).pick({"source": "tok_visa"})]


@pytest.mark.parametrize("action", PAID)
@pytest.mark.parametrize(
    "written",
    [
        CARD_NUMBER,
        "4242 4242 4242 4242",
        " 4242424242424242",
        "4242424242424242 ",
        "4242424242424242\n",
        "\t 4242-4242-4242-4242 \n\n",
        "4242.4242.4242.4242.",
        "\u00a04242\u00a04242\u00a04242\u00a04242\ufeff",
        "4242_4242_4242_4242",
        "4242\u20134242\n4242, 4242",
    ],
)
def test_a_card_number_is_no_source_however_it_is_written(action: str, written: str) -> None:
    checker = RecordChecker(ACTIONS[action])
    picked = checker.pick({"amount": 100, "currency": "usd", "source": written})

    with pytest.raises(Rejected, match="card number never") as caught:
        checker.check(picked)

    assert caught.value.field == "source"


@pytest.mark.parametrize("source", ["tok_visa", "src_123456789012345678901234", "card_1", "tok_4242424242424242"])
def test_a_token_is_a_source(source: str) -> None:
    checker = RecordChecker(ACTIONS["customers"])
    picked = checker.pick({"source": source})

    checker.check(picked)

    assert picked == {"source": source}


def test_what_the_disk_did_not_take_is_never_said_to_be_there(tmp_path: Path) -> None:
    """A kernel forgets what it could not write: a second fsync that succeeds proves nothing."""
    rejects = Rejects(tmp_path / "rejects.jsonl")
    rejects.add(received({"id": 1}), REFUSED)
    descriptor = rejects._descriptor  # noqa: SLF001  # a pipe in its place: its fsync fails, as a broken disk's does
    assert descriptor is not None
    reading_end, writing_end = os.pipe()
    kept = os.dup(descriptor)
    os.dup2(writing_end, descriptor)

    with pytest.raises(Misconfigured, match="cannot be written"):
        rejects.sync()
    os.dup2(kept, descriptor)
    with pytest.raises(Misconfigured, match="cannot be written"):
        rejects.sync()
    for each in (reading_end, writing_end, kept):
        os.close(each)
