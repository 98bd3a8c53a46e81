"""The tap as a process, compared with the official client and with the objects in the sandbox."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.official import everything, official
from tests.support.plugins import Ended, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, post

# Those that nobody need select, under these settings; `test_every_stream` goes over all.
SELECTED = [spec for spec in STREAMS if spec.is_default or spec.by_id]
EVERY_STREAM = pytest.mark.parametrize("spec", SELECTED, ids=lambda spec: spec.name)
NAMES = sorted(spec.name for spec in SELECTED)


@pytest.fixture(scope="module")
def first_run(seeded_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The first run over the module's sandbox."""
    return run_tap(tmp_path_factory.mktemp("tap"), settings(seeded_sandbox.url))


def settings(url: str, **more: object) -> dict[str, object]:
    """All selected streams are read in windows and have a bookmark."""
    return a_config(url, customers_mode="list", **more)


def iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()


@EVERY_STREAM
def test_the_records_are_what_the_official_client_reads(
    spec: StreamSpec, first_run: Ended, seeded_sandbox: Sandbox
) -> None:
    theirs = everything(getattr(official(seeded_sandbox).v1, spec.name))

    assert first_run.code == 0
    assert by_id(first_run.records(spec.name)) == by_id(theirs)
    assert len(first_run.records(spec.name)) == len(theirs) > 0


@EVERY_STREAM
def test_every_record_fits_its_schema(spec: StreamSpec, first_run: Ended) -> None:
    validator = Draft202012Validator(spec.schema())

    assert [error.json_path for record in first_run.records(spec.name) for error in validator.iter_errors(record)] == []


@EVERY_STREAM
def test_records_are_emitted_oldest_first(spec: StreamSpec, first_run: Ended) -> None:
    stamps = [record["created"] for record in first_run.records(spec.name)]

    assert stamps == sorted(stamps)


@pytest.mark.promise("tap 1", "A bookmark never precedes the records it covers")
@EVERY_STREAM
def test_no_bookmark_is_ahead_of_the_records(spec: StreamSpec, first_run: Ended) -> None:
    due = Counter(record["created"] for record in first_run.records(spec.name))
    out: Counter[int] = Counter()

    for message in first_run.messages:
        if message["type"] == "RECORD" and message["stream"] == spec.name:
            out[message["record"]["created"]] += 1
        elif message["type"] == "STATE" and spec.name in message["value"]["bookmarks"]:
            bookmark = message["value"]["bookmarks"][spec.name].get("replication_key_value", 0)
            assert all(out[stamp] == count for stamp, count in due.items() if stamp < bookmark)


def test_failed_charges_are_charges(first_run: Ended) -> None:
    assert {record["status"] for record in first_run.records("charges")} >= {"succeeded", "failed"}


def test_the_second_run_emits_nothing(first_run: Ended, seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    again = run_tap(tmp_path, settings(seeded_sandbox.url), state=first_run.states[-1])

    assert again.code == 0
    assert [message["type"] for message in again.messages if message["type"] == "RECORD"] == []
    assert sorted(again.states[-1]["bookmarks"]) == NAMES


@pytest.mark.parametrize(("capture", "for_events"), [("new", 0), ("changes", 1)])
def test_a_run_without_new_objects_sends_one_request_per_list_and_account(
    sandbox: Sandbox, tmp_path: Path, capture: str, for_events: int
) -> None:
    config = settings(sandbox.url, capture=capture, account_ids=[PLATFORM, CONNECTED])
    state = run_tap(tmp_path, config).states[-1]
    asked = len(sandbox.requests())

    run_tap(tmp_path, config, state=state)

    assert len(sandbox.requests()) - asked == (len(SELECTED) + for_events) * 2


def test_each_run_emits_what_was_created_since(sandbox: Sandbox, tmp_path: Path) -> None:
    client, state, emitted = official(sandbox).v1, None, Counter[str]()

    for _ in range(4):
        for _ in range(3):
            client.charges.create({"amount": 500, "currency": "usd", "source": "tok_visa"})
            sandbox.advance(1)
        client.refunds.create({"charge": sandbox.objects("charge")[-1]["id"]})
        done = run_tap(tmp_path, settings(sandbox.url), state=state)
        state = done.states[-1]
        emitted.update(record["id"] for name in NAMES for record in done.records(name))
        sandbox.advance(200)

    assert set(emitted.values()) == {1}
    assert set(emitted) == {each["id"] for spec in SELECTED for each in sandbox.objects(spec.kind)}


def test_the_range_is_half_open(seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    stamps = sorted(each["created"] for each in seeded_sandbox.objects("charge"))
    start, end = stamps[100], stamps[200]

    done = run_tap(tmp_path, settings(seeded_sandbox.url, start_date=iso(start), end_date=iso(end)))

    assert Counter(record["created"] for record in done.records("charges")) == Counter(
        stamp for stamp in stamps if start <= stamp < end
    )


def test_adjacent_ranges_share_nothing_and_miss_nothing(seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    stamps = sorted(each["created"] for each in seeded_sandbox.objects("charge"))
    cut = iso(stamps[150])

    early = run_tap(tmp_path, settings(seeded_sandbox.url, end_date=cut))
    late = run_tap(tmp_path, settings(seeded_sandbox.url, start_date=cut))

    ids = [record["id"] for done in (early, late) for record in done.records("charges")]
    assert sorted(ids) == sorted(each["id"] for each in seeded_sandbox.objects("charge"))


def test_an_end_that_is_not_settled_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, settings(sandbox.url, end_date=iso(sandbox.clock() - 300)))

    assert done.code == 1
    assert "end_date" in done.errors[0]


def test_a_dense_account_is_read_in_windows_of_a_few_pages(tmp_path: Path) -> None:
    with Sandbox("--seed", "3", "--charges", "12000", "--days", "1") as dense:
        done = run_tap(tmp_path, settings(dense.url))
        asked = [each for each in dense.requests() if each["path"] == "/v1/charges"]
        made = {each["id"] for each in dense.objects("charge")}

    ids = Counter(record["id"] for record in done.records("charges"))
    assert set(ids) == made
    assert set(ids.values()) == {1}
    assert len(done.states) > 6
    assert len(asked) < 1.3 * len(made) / 100


@pytest.mark.promise("tap 2", "Many objects inside the overlap are emitted once")
def test_many_objects_inside_the_overlap_are_emitted_once(tmp_path: Path) -> None:
    with Sandbox("--seed", "4", "--charges", "5000", "--days", "1") as busy:
        first = run_tap(tmp_path, settings(busy.url, overlap_s=43_200))
        second = run_tap(tmp_path, settings(busy.url, overlap_s=43_200), state=first.states[-1])

    remembered = first.states[-1]["bookmarks"]["charges"]["emitted_ids"]
    assert len(first.records("charges")) == 5000
    assert len(remembered) > 1500  # more than one window
    assert second.records("charges") == []


def test_a_start_in_the_future_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, settings(sandbox.url, start_date=iso(sandbox.clock() + 86_400)))

    assert done.code == 1
    assert "start_date" in done.errors[0]
    assert done.states == []


def test_full_table_reads_the_whole_range_again(first_run: Ended, seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    catalog = json.loads(run_tap(tmp_path, {}, "--discover").output)
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"

    again = run_tap(tmp_path, settings(seeded_sandbox.url), state=first_run.states[-1], catalog=catalog)

    assert by_id(again.records("charges")) == by_id(first_run.records("charges"))


def test_full_table_from_now_on_fails_only_its_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    catalog = json.loads(run_tap(tmp_path, {}, "--discover").output)
    charges = next(stream for stream in catalog["streams"] if stream["stream"] == "charges")
    charges["replication_method"] = "FULL_TABLE"

    done = run_tap(tmp_path, settings(sandbox.url, start_date="now"), catalog=catalog)

    assert (done.code, len(done.errors)) == (2, 1)
    assert {each["stream"] for each in done.messages if each["type"] == "SCHEMA"} == {"refunds"}
    assert "FULL_TABLE" in done.errors[0]
    assert "start_date" in done.errors[0]


def test_deselected_streams_are_neither_read_nor_tested(sandbox: Sandbox, tmp_path: Path) -> None:
    catalog = json.loads(run_tap(tmp_path, {}, "--discover").output)
    for stream in catalog["streams"]:
        root = next(each for each in stream["metadata"] if each["breadcrumb"] == [])
        root["metadata"]["selected"] = stream["stream"] == "charges"

    run_tap(tmp_path, settings(sandbox.url), catalog=catalog)
    tested = run_tap(tmp_path, settings(sandbox.url), "--test", catalog=catalog)

    assert {each["path"] for each in sandbox.requests()} == {"/v1/charges"}
    assert tested.code == 0


def test_stream_maps_and_flattening_are_applied(seeded_sandbox: Sandbox, tmp_path: Path) -> None:
    maps = {"charges": {"__alias__": "sales", "id": "id", "eur": "amount / 100", "__else__": None}}
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}

    done = run_tap(tmp_path, settings(seeded_sandbox.url, stream_maps=maps, **flat))

    charge = by_id(seeded_sandbox.objects("charge"))
    assert all(
        record == {"id": record["id"], "eur": charge[record["id"]]["amount"] / 100} for record in done.records("sales")
    )
    assert len(done.records("sales")) == len(charge)
    assert done.records("charges") == []


def test_the_test_option_reports_each_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, settings(sandbox.url), "--test")

    assert done.code == 0
    assert done.output == ""
    assert all(f"stream {name}: the key may read it" in done.log for name in NAMES)
    assert len(sandbox.requests()) == len(NAMES)


def by_id(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in objects}


def counted(done: Ended, stream: str) -> int:
    """The records of a stream that the SDK's metrics count."""
    metrics = [json.loads(line.partition("METRIC: ")[2]) for line in done.log.splitlines() if "METRIC: " in line]
    found = [each["value"] for each in metrics if each["metric"] == "record_count" and each["tags"]["stream"] == stream]
    assert found
    return sum(found)


@EVERY_STREAM
def test_the_metric_counts_records_not_batches(spec: StreamSpec, first_run: Ended) -> None:
    assert counted(first_run, spec.name) == len(first_run.records(spec.name))


def test_a_run_that_ends_early_has_the_metrics_of_each_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
    sandbox.advance(3600)
    refused = {"name": "refused", "match": {"path": "/v1/refunds"}, "action": {"kind": "answer", "status": 401}}
    sandbox.faults(refused)

    done = run_tap(tmp_path, a_config(sandbox.url, account_ids=[PLATFORM, CONNECTED], streams_at_once=1))

    assert done.code == 4
    assert (counted(done, "charges"), counted(done, "refunds")) == (3, 0)
