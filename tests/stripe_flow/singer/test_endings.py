"""The summary of a run, however it ends: fields under structured logging, a table in any other log."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from stripe_flow.api import redaction
from stripe_flow.singer.fields import format_table
from stripe_flow.singer.run_log import RunLog
from tests.stripe_flow.singer.run_log import logged, records_of, structured
from tests.support.plugins import Message, a_config, a_record, a_schema, clean_env, command, run
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.crowds import A_CHARGE, post

CARD = {"amount": 500, "currency": "usd", "source": "tok_visa"}
ONE_BY_ONE: Message = {"streams_at_once": 1}
# The states of the next stream: it was read; the run ended before it began, or just after.
OK, LEFT = {"ok"}, {"not read", "interrupted"}
CANARY = "canary"
CANARY_KEY = "sk_test_canary"


def of_charges(status: int, *, skip: int = 0, method: str = "GET") -> Message:
    match = {"path": "/v1/charges", "method": method}
    return {"name": "no", "match": match, "skip": skip, "action": {"kind": "answer", "status": status}}


@pytest.mark.parametrize(
    ("fault", "settings", "code", "charges", "refunds"),
    [
        (None, {}, 0, "ok", OK),
        (of_charges(403), {}, 2, "failed: permission missing", OK),
        (of_charges(503), {"give_up_after_s": 1}, 2, "failed: stripe unreachable", OK),
        (of_charges(401), ONE_BY_ONE, 4, "failed: key refused", LEFT),
        (None, ONE_BY_ONE | {"stream_maps": {"charges": {"x": "1 / 0"}}}, 1, "failed: misconfigured", LEFT),
    ],
    ids=["done", "permission", "unreachable", "key", "map"],
)
def test_the_summary_of_the_tap_has_the_state_of_each_stream(
    *,
    fault: Message | None,
    settings: Mapping[str, object],
    code: int,
    charges: str,
    refunds: Collection[str],
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
    sandbox.advance(3600)
    sandbox.faults(*([fault] if fault else []))
    before = len(sandbox.requests())

    done = run(
        command("tap_stripe_flow", tmp_path, a_config(sandbox.url, **settings)), tmp_path, **structured(tmp_path)
    )

    rows = logged(done.log, "summary")
    assert (done.code, [row["stream"] for row in rows]) == (code, ["charges", "refunds"])
    assert rows[0]["state"] == charges
    assert rows[1]["state"] in refunds
    assert [row["records"] for row in rows] == [len(done.records(row["stream"])) for row in rows]
    if refunds == OK:  # else a request may be on its way when the process ends
        assert sum(row["requests"] for row in rows) == len(sandbox.requests()) - before
    assert ["up_to" in row for row in rows] == [row["state"] == "ok" for row in rows]


def test_the_summary_has_a_row_for_each_account(sandbox: Sandbox, tmp_path: Path) -> None:
    post(sandbox, [("/v1/charges", A_CHARGE)] * 3)
    post(sandbox, [("/v1/charges", A_CHARGE)], account=CONNECTED)
    sandbox.advance(3600)
    config = a_config(sandbox.url, account_ids=["self", CONNECTED])

    done = run(command("tap_stripe_flow", tmp_path, config), tmp_path)

    table = [line.split("|", 3)[3].split() for line in done.log.splitlines() if " ok" in line and "state=" not in line]
    assert [row[:3] for row in table] == [
        ["charges", PLATFORM, "3"],
        ["charges", CONNECTED, "1"],
        ["refunds", PLATFORM, "0"],
        ["refunds", CONNECTED, "0"],
    ]


def test_the_summary_counts_ids_that_do_not_exist(sandbox: Sandbox, tmp_path: Path) -> None:
    config = a_config(sandbox.url, customer_ids=["cus_none", "cus_neither"])

    done = run(command("tap_stripe_flow", tmp_path, config), tmp_path, **structured(tmp_path))

    states = {row["stream"]: row["state"] for row in logged(done.log, "summary")}
    assert (done.code, states["customers"]) == (2, "2 missing")


Ending = tuple[Message | None, Mapping[str, object], int, list[dict[str, Any]], str]  # Any: numbers and words
# Of three charges and three customers, one of which is null and one has no field that Stripe knows.
ENDINGS: dict[str, Ending] = {
    "done": (
        None,
        {},
        0,
        [
            {"stream": "charges", "records": 3, "created": 2, "ignored": 0, "declined": 0, "rejected": 1},
            {"stream": "customers", "records": 3, "created": 1, "ignored": 1, "declined": 0, "rejected": 1},
        ],
        "6 records: 3 created, 1 ignored, 2 rejected (see ",
    ),
    "limit": (None, {"on_reject": "fail"}, 2, [{"stream": "charges", "records": 1, "rejected": 1}], "1 records: "),
    "doubt": (
        of_charges(500, method="POST"),
        {},
        3,
        [
            {"stream": "charges", "records": 3, "ignored": 0, "rejected": 1, "unknown": 2},
            {"stream": "customers", "records": 3, "created": 1, "ignored": 1, "rejected": 1, "unknown": 0},
        ],
        "6 records: 1 created, 1 ignored, 2 rejected, 2 unknown (see ",
    ),
    "key": (of_charges(401, method="POST"), {"concurrency": 1}, 4, [], "records: "),
}


def an_input() -> bytes:
    lines = [
        a_schema("charges"),
        a_record("charges", id=0, amount=CANARY, currency="usd", source="tok_visa"),
        *[a_record("charges", id=number, description=CANARY, **CARD) for number in (1, 2)],
        a_schema("customers"),
        {"type": "RECORD", "stream": "customers", "record": None},
        a_record("customers", id=1, name=CANARY),
        a_record("customers", id=2, name=[CANARY]),
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.mark.parametrize("ending", ["done", "limit", "doubt", "key"])
def test_the_summary_of_the_target_counts_the_statuses_of_each_stream(
    ending: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    fault, settings, code, rows, sums = ENDINGS[ending]
    sandbox.faults(*([fault] if fault else []))
    line = command("target_stripe_flow", tmp_path, a_config(sandbox.url, **settings))

    done = run(line, tmp_path, an_input(), **structured(tmp_path))

    messages = [record["message"] for record in records_of(done.log)]
    known = [{name: value for name, value in row.items() if value} for row in logged(done.log, "summary")]
    assert done.code == code
    assert any(sums in message for message in messages)
    assert CANARY not in done.log
    for row in known:
        assert row["records"] == sum(value for name, value in row.items() if name not in {"stream", "records"})
    if rows:
        assert known == [{name: value for name, value in row.items() if value} for row in rows]
    assert any("not settled yet: " in message for message in messages) == (ending == "doubt")


def test_unsettled_records_are_reported_after_a_limit_too(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(of_charges(500, method="POST"))
    records = [a_record("charges", id=1, **CARD), a_record("charges", id=2)]
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in [a_schema("charges"), *records[:1]])
    line = command("target_stripe_flow", tmp_path, a_config(sandbox.url, on_reject="fail"))
    run(line, tmp_path, lines)

    stopped = run(line, tmp_path, lines + json.dumps(records[1]).encode() + b"\n")

    assert stopped.code == 2
    assert "not settled yet: 1 unknown" in stopped.log


def test_the_table_of_the_target_is_aligned_in_the_log(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(command("target_stripe_flow", tmp_path, a_config(sandbox.url)), tmp_path, an_input())

    lines = [line.split("|", 3)[3][1:] for line in done.log.splitlines() if line.count("|") > 2]
    start = lines.index("stream     records  created  ignored  rejected")
    assert lines[start + 1 : start + 3] == [
        "charges          3        2        0         1",
        "customers        3        1        1         1",
    ]
    assert lines[start + 3].startswith("6 records: 3 created, 1 ignored, 2 rejected (see ")


@pytest.mark.volume
def test_a_log_in_a_file_has_the_progress_every_half_minute(sandbox: Sandbox, tmp_path: Path) -> None:
    """Both plugins run at once, because the first line takes half a minute."""
    hold = {"match": {"path": "/v1/charges"}, "at": "before_answer", "action": {"kind": "hold"}}
    sandbox.faults({"name": "stuck", **hold})
    messages = [a_schema("charges"), a_record("charges", id=1, **CARD)]
    lines = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    runs = []
    for plugin in ("tap_stripe_flow", "target_stripe_flow"):
        running = subprocess.Popen(
            command(plugin, tmp_path, a_config(sandbox.url)),
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=clean_env(),
        )
        runs.append(running)
    progress = []
    for running, lines_in in zip(runs, (b"", lines), strict=True):
        assert running.stdin is not None
        running.stdin.write(lines_in)
        running.stdin.close()
    for running in runs:
        assert running.stderr is not None
        progress.append(next(line for line in running.stderr if b"| progress " in line).decode())
    sandbox.release("stuck")
    codes = []
    for running in runs:
        assert running.stderr is not None
        running.stderr.read()
        running.stderr.close()
        codes.append(running.wait(60))

    assert codes == [0, 0]
    assert "| progress stream=charges records=0 records_per_s=0 requests=1 requests_per_s=0" in progress[0]
    assert "| progress records=0 records_per_s=0 in_flight=1 lines_read=2 requests=" in progress[1]


def test_counts_in_the_summary_are_not_taken_for_a_card_number(caplog: pytest.LogCaptureFixture) -> None:
    rows: list[dict[str, str | int]] = [
        {"stream": "charges", "records": records, "requests": 412, "up_to": "2026-11-24T00:00:00Z", "state": CANARY_KEY}
        for records in range(41_000, 41_020)
    ]
    lines = format_table([{**row, "state": "sk_test_[redacted]"} for row in rows])
    redaction.install()

    with caplog.at_level(logging.INFO), RunLog(logging.getLogger(__name__), dict) as run_log:
        run_log.log_summary(rows)

    assert [redaction.redact(line) for line in lines] != lines
    assert caplog.messages == lines
