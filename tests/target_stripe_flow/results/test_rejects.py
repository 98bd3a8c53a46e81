from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.errors import Misconfigured, Refusal
from target_stripe_flow.results import line_file
from target_stripe_flow.results.origin import Origin, Received
from target_stripe_flow.results.outcome import Outcome, Status
from target_stripe_flow.results.rejects import Rejects

CARD_NUMBER = "4242424242424242"
REFUSED = Outcome(status=Status.REJECTED)
DECLINE = Refusal(http_status=402, code="card_declined", decline_code="lost_card", request_id="req_1")


def refused_in(request_id: str) -> Outcome:
    """A refusal by Stripe: the reason quotes the request id."""
    refusal = Refusal(http_status=400, code="amount_too_small", request_id=request_id)
    return Outcome(status=Status.REJECTED, reason=f"Stripe refused it {refusal.words()}", refusal=refusal)


def received(
    record: dict[str, Any],
    *,
    stream: str = "charges",
    keys: tuple[str, ...] = ("id",),
    line: int = 1,
    source_name: str = "shop",
) -> Received:
    origin = Origin(stream=stream, key_properties=keys, source_name=source_name)
    return Received(origin=origin, record=record, line=line)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_report_has_the_schema_the_record_and_the_reason(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")

    for number in (1, 2):
        outcome = Outcome(status=Status.DECLINED, reason="the card was declined", refusal=DECLINE)
        rejects.add(received({"id": number}, line=number), outcome)

    schema, first, second = lines(rejects.path)
    assert schema == {"type": "SCHEMA", "stream": "charges", "schema": {"properties": {}}, "key_properties": ["id"]}
    assert (first["record"], second["record"]) == ({"id": 1}, {"id": 2})
    report = first["stripe_flow"]
    assert report.pop("at")
    assert report == {
        "status": "declined",
        "reason": "the card was declined",
        "field": None,
        "code": "card_declined",
        "decline_code": "lost_card",
        "http_status": 402,
        "request_id": "req_1",
        "line": 1,
        "source_name": "shop",
    }


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")

    rejects.add(received({}), REFUSED)

    assert stat.S_IMODE(rejects.path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"rejects file .*nowhere.*rejects_path"):
        Rejects(tmp_path / "nowhere" / "rejects.jsonl").add(received({}), REFUSED)


@pytest.mark.parametrize(("name", "why"), [("", "directory"), ("a\0b", "characters"), ("\ud800", "characters")])
def test_a_path_that_cannot_be_a_file_is_one_clear_line(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=rf"rejects file .*{why}.*rejects_path") as caught:
        Rejects(tmp_path / name).add(received({}), REFUSED)

    assert str(caught.value).isprintable()


def test_a_pipe_is_refused_rather_than_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Misconfigured, match="not a regular file"):
        Rejects(tmp_path / "pipe").add(received({}), REFUSED)


def test_a_report_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"

    for line in (1, 2):  # two runs with the record twice in each
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
        ("charges", {"id": 7}, Outcome(status=Status.REJECTED, reason="is wrong", field="currency")),
        ("charges", {"id": 7}, Outcome(status=Status.REJECTED, reason="is wrong", field="amount", refusal=DECLINE)),
    ],
)
def test_another_record_or_another_outcome_is_reported(
    stream: str, record: dict[str, Any], outcome: Outcome, tmp_path: Path
) -> None:
    path = tmp_path / "rejects.jsonl"
    Rejects(path).add(received({"id": 7}), Outcome(status=Status.REJECTED, reason="is wrong", field="amount"))

    Rejects(path).add(received(record, stream=stream), outcome)

    assert [each["type"] for each in lines(path)] == ["SCHEMA", "RECORD"] * 2


@pytest.mark.parametrize("name_of_status", ["status", "place"])
@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(status=Status.REJECTED, reason="is wrong", field="amount"),
        Outcome(status=Status.REJECTED, reason="a stream map fails"),
        Outcome(status=Status.DECLINED, reason="the card was declined (lost_card)", refusal=DECLINE),
        refused_in("req_1"),
    ],
    ids=["a field", "no field", "a decline", "a refusal"],
)
def test_a_report_with_a_reason_in_other_words_is_not_repeated(
    outcome: Outcome, name_of_status: str, tmp_path: Path
) -> None:
    """A release may word a reason anew; an older one called the status `place`."""
    path = tmp_path / "rejects.jsonl"
    Rejects(path).add(received({"id": 7}), outcome)
    schema, report = lines(path)
    members = {name_of_status if name == "status" else name: value for name, value in report["stripe_flow"].items()}
    older = report | {"stripe_flow": members | {"reason": "the words of an older release"}}
    path.write_text("".join(json.dumps(line) + "\n" for line in (schema, older)))

    Rejects(path).add(received({"id": 7}, line=9), outcome)

    assert lines(path) == [schema, older]


def test_the_time_is_of_the_given_clock_and_null_where_it_does_not_know(tmp_path: Path) -> None:
    times: list[float | None] = [1_790_000_000.9, None]
    rejects = Rejects(tmp_path / "rejects.jsonl", lambda: times.pop(0))

    for number in (1, 2):
        rejects.add(received({"id": number}), REFUSED)

    assert [each["stripe_flow"]["at"] for each in lines(rejects.path)[1:]] == ["2026-09-21T14:13:20+00:00", None]


def test_equal_keys_of_two_sources_are_two_reports(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"

    for source_name in ("crm", "shop", "crm"):
        Rejects(path).add(received({"id": 7}, source_name=source_name), REFUSED)

    assert [each["stripe_flow"]["source_name"] for each in lines(path) if each["type"] == "RECORD"] == ["crm", "shop"]


def test_a_line_of_an_older_release_without_a_source_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    Rejects(path).add(received({"id": 7}), REFUSED)
    schema, report = lines(path)
    older = report | {"stripe_flow": {k: v for k, v in report["stripe_flow"].items() if k != "source_name"}}
    path.write_text("".join(json.dumps(line) + "\n" for line in (schema, older)))

    Rejects(path).add(received({"id": 7}), REFUSED)

    assert lines(path) == [schema, older]


@pytest.mark.promise("target 7", "A cut line of the rejects file does not damage the next line")
@pytest.mark.parametrize("cut", [1, 20, 150])
def test_a_line_that_another_process_leaves_cut_is_not_continued(cut: int, tmp_path: Path) -> None:
    """A full disk or a kill cuts a line while this process has the file open."""
    path = tmp_path / "rejects.jsonl"
    ours = Rejects(path)
    ours.add(received({"id": 1}), REFUSED)
    whole = path.read_bytes()
    with path.open("ab") as other:
        other.write(whole.splitlines()[1].replace(b'"id":1', b'"id":2')[:cut])

    for number in (2, 3):
        ours.add(received({"id": number}), REFUSED)

    written = path.read_bytes().splitlines()
    assert path.read_bytes().startswith(whole)
    assert [json.loads(line)["record"] for line in written[-2:]] == [{"id": 2}, {"id": 3}]
    assert len(written) == 5, "the schema, the first, the cut one, and two more"


def test_a_full_disk_leaves_no_part_of_a_line(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")
    rejects.add(received({"id": 1}), REFUSED)
    whole = rejects.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, hard))
    try:
        with pytest.raises(Misconfigured, match="cannot be written"):
            rejects.add(received({"id": 2, "text": "x" * 500}), REFUSED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)

    assert rejects.path.read_bytes() == whole
    rejects.add(received({"id": 2}), REFUSED)
    assert [each["record"] for each in lines(rejects.path)[1:]] == [{"id": 1}, {"id": 2}]


def test_processes_that_append_at_once_write_whole_lines_and_none_twice(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    children = []
    for _process in range(3):
        child = os.fork()
        if not child:
            rejects = Rejects(path)
            for number in range(60):
                rejects.add(received({"id": number, "text": "x" * 3000}), REFUSED)
            os._exit(0)
        children.append(child)

    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    records = [each["record"]["id"] for each in lines(path) if each["type"] == "RECORD"]
    assert sorted(records) == list(range(60))


def test_a_stopped_process_that_has_the_lock_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_file, "WAIT_S", 0.2)
    rejects = Rejects(tmp_path / "rejects.jsonl")
    rejects.add(received({"id": 1}), REFUSED)
    with rejects.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        rejects.add(received({"id": 2}), REFUSED)

    assert len(lines(rejects.path)) == 3


def test_a_file_that_was_emptied_gets_its_schema_again(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")
    rejects.add(received({"id": 1}), REFUSED)
    os.truncate(rejects.path, 0)

    rejects.add(received({"id": 1}), REFUSED)

    assert [each["type"] for each in lines(rejects.path)] == ["SCHEMA", "RECORD"]


def test_another_reason_of_a_decline_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"

    for code in ("lost_card", "insufficient_funds"):
        refusal = Refusal(http_status=402, code="card_declined", decline_code=code, request_id="req_1")
        Rejects(path).add(received({"id": 7}), Outcome(status=Status.DECLINED, reason="no", refusal=refusal))

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
def test_other_lines_in_the_file_stay_and_cause_no_error(foreign: bytes, tmp_path: Path) -> None:
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
def test_values_that_json_cannot_hold_are_written_as_text(value: object, shown: object, tmp_path: Path) -> None:
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


def test_a_failed_fsync_is_reported_at_every_later_sync(tmp_path: Path) -> None:
    """A kernel drops what it could not write: a second fsync that succeeds does not bring it back."""
    rejects = Rejects(tmp_path / "rejects.jsonl")
    rejects.add(received({"id": 1}), REFUSED)
    file = rejects._file  # noqa: SLF001  # a pipe in its place: its fsync fails, as a broken disk's does
    assert file is not None
    descriptor = file.descriptor
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
