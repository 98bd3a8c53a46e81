"""However a run ends, the records that its summary counts are exactly those on standard output."""

from __future__ import annotations

import json
import re
import resource
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.plugins import Ended, Message, a_config, clean_env, command, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.furnishing import FURNISHED_A_LITTLE, add_children, with_all_selected

RUNS = 3
NOBODYS = ""

Rows = Mapping[tuple[str, str], int]


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox(*FURNISHED_A_LITTLE) as sandbox:
        add_children(sandbox)
        yield sandbox


def counted(done: Ended) -> Rows:
    """The record counts of the run's summary, by stream and account."""
    lines = re.findall(r"\| read stream=(\w+) (?:account=(\w+) )?records=(\d+) ", done.log)
    return {(stream, account): int(records) for stream, account, records in lines}


def written(done: Ended) -> Rows:
    """The record counts on standard output, by stream and account."""
    records = (each for each in done.messages if each["type"] == "RECORD")
    return Counter((each["stream"], each["record"].get("_stripe_account", NOBODYS)) for each in records)


def runs(folder: Path, config: Mapping[str, object], catalog: Message) -> Iterator[Ended]:
    """Runs one after the other, each from the last STATE of the run before."""
    state = None
    for _ in range(RUNS):
        done = run_tap(folder, config, state=state, catalog=catalog)
        yield done
        state = done.states[-1] if done.states else state


def discovered(folder: Path, config: Mapping[str, object], *names: str) -> Message:
    """The discovered catalog with these streams selected, or all without names."""
    catalog: Message = with_all_selected(json.loads(run_tap(folder, config, "--discover").output))
    if names:
        catalog["streams"] = [stream for stream in catalog["streams"] if stream["tap_stream_id"] in names]
    return catalog


def in_full(catalog: Message) -> Message:
    """The catalog with every stream set to FULL_TABLE."""
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"
    return catalog


@pytest.mark.promise(
    "tap 1",
    "Every record that the summary counts is on standard output, for each stream, mode and run",
)
@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_the_records_of_the_last_stream_are_on_standard_output(
    spec: StreamSpec, world: Sandbox, tmp_path: Path
) -> None:
    """From the second run on, a list without a bookmark does not change the state, so no STATE follows its records."""
    config = a_config(world.url, customers_mode="list", account_ids=["self"])

    for done in runs(tmp_path, config, discovered(tmp_path, config, "charges", spec.name)):
        assert done.code == 0
        assert {row: count for row, count in counted(done).items() if count} == written(done)


@pytest.mark.volume(cases=2)
@pytest.mark.parametrize("account_ids", [None, ["self"], ["self", CONNECTED]], ids=["own", "self", "two"])
@pytest.mark.parametrize(
    "settings",
    [
        {"customers_mode": "list"},
        {"customers_mode": "list", "capture": "changes"},
        {"customers_mode": "list", "stream_maps": {"charges": {"__filter__": "amount > 9000"}}},
        {"customers_mode": "list", "flattening_enabled": True, "flattening_max_depth": 1},
        {"customer_ids": ["cus_none"]},
    ],
    ids=["new", "changes", "filtered", "flat", "found"],
)
def test_the_records_in_the_summary_are_on_standard_output(
    settings: Mapping[str, object], account_ids: list[str] | None, world: Sandbox, tmp_path: Path
) -> None:
    config = a_config(world.url, **settings) | ({"account_ids": account_ids} if account_ids else {})

    for done in runs(tmp_path, config, discovered(tmp_path, config)):
        assert {row: count for row, count in counted(done).items() if count} == written(done)


def test_the_records_of_a_full_table_range_are_on_standard_output(world: Sandbox, tmp_path: Path) -> None:
    yesterday = datetime.fromtimestamp(world.clock() - 86_400, UTC).isoformat()
    config = a_config(world.url, account_ids=["self"], end_date=yesterday)
    catalog = in_full(discovered(tmp_path, config, "charges", "refunds"))

    for done in runs(tmp_path, config, catalog):
        assert done.code == 0
        assert counted(done) == written(done)
        assert written(done)["refunds", PLATFORM] > 0


@pytest.mark.parametrize("is_mapped", [True, False])
def test_a_run_that_stops_in_the_middle_counts_the_records_on_standard_output(
    *, is_mapped: bool, world: Sandbox, tmp_path: Path
) -> None:
    """Stopped by an expression that fails on one record, and by a list that Stripe refuses."""
    maps: Mapping[str, object] = {"charges": {"x": "1 / (amount > 9000)"}} if is_mapped else {}
    # One by one: a stream that is interrupted has its count in the summary, and no line of its own.
    config = a_config(world.url, account_ids=["self"], stream_maps=maps, streams_at_once=1)
    catalog = discovered(tmp_path, config, "charges", "tax_codes")
    refusal = {"kind": "answer", "status": 400}
    world.faults(*([] if is_mapped else [{"name": "no", "match": {"path": "/v1/tax_codes"}, "action": refusal}]))

    done = run_tap(tmp_path, config, catalog=catalog)
    world.faults()

    assert done.code == (1 if is_mapped else 2)
    assert {row: count for row, count in counted(done).items() if count} == written(done)


def test_only_records_written_before_the_output_is_full_are_counted(tmp_path: Path) -> None:
    """The output is full within the first batch."""
    with Sandbox("--seed", "3", "--charges", "600", "--days", "20") as sandbox, (tmp_path / "out").open("wb") as output:
        done = subprocess.run(
            command("tap_stripe_flow", tmp_path, a_config(sandbox.url)),
            stdout=output,
            stderr=subprocess.PIPE,
            env=clean_env(),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)),
            timeout=60,
            check=False,
        )

    whole = [line for line in (tmp_path / "out").read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    records = sum(json.loads(line)["type"] == "RECORD" for line in whole)
    ended = Ended(code=done.returncode, output="", log=done.stderr.decode())
    assert done.returncode == 1
    assert 0 < counted(ended)["charges", NOBODYS] <= records
