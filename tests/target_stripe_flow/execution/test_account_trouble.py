"""Trouble with the account that Stripe words as a 400 for each record: real runs, of every action and endpoint."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.execution.account_refusals import ALIKE_REFUSALS
from tests.kills.target.rows import WAYS, fields_of
from tests.support.forking import started
from tests.support.plugins import (
    Ended,
    Message,
    a_config,
    a_record,
    a_schema,
    a_state,
    clean_env,
    command,
    run_target,
)
from tests.support.sandbox import Sandbox

ERROR = {"type": "invalid_request_error", "message": "This account cannot make this request."}
EMAILS = [a_record("customers", id=number, email=f"ann{number}@example.com") for number in range(8)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def refusing(path: str, method: str = "POST", **more: object) -> dict[str, Any]:
    action = {"kind": "answer", "status": 400, "error": ERROR}
    return {"name": "refusing", "match": {"method": method, "path": path}, "action": action} | more


def sent(sandbox: Sandbox, path: str, since: int) -> int:
    return sum(each["method"] == "POST" and each["path"].startswith(path) for each in sandbox.requests()[since:])


def send(sandbox: Sandbox, folder: Path, action: str, records: list[Message], **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), [a_schema(action), *records, a_state(done=1)])


def no_one_was_consumed(done: Ended, folder: Path) -> bool:
    return done.output == "" and "rejected" not in done.summary and not (folder / "stripe-flow-rejects.jsonl").exists()


@pytest.mark.promise(
    "target 7",
    "If Stripe refuses the first five records of an action alike, the run stops, and the next run sends them",
)
@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_of_every_record_stops_the_run_and_consumes_none(way: str, shared: Sandbox, tmp_path: Path) -> None:
    action, settings = WAYS[way][0], {**WAYS[way][1], "source_name": way}
    records = [a_record(action, id=number, **fields_of(shared, action)) for number in range(8)]
    path, since = ACTIONS[action].endpoints[way].path, len(shared.requests())
    shared.faults(refusing(path))

    refused = send(shared, tmp_path, action, records, **settings)
    posts, is_untouched = sent(shared, path, since), no_one_was_consumed(refused, tmp_path)
    shared.faults()
    again = send(shared, tmp_path, action, records, **settings)

    assert (refused.code, len(refused.errors), posts) == (4, 1, ALIKE_REFUSALS)
    assert f" {action}: the first 5 records were refused alike (HTTP 400" in refused.errors[0]
    assert ERROR["message"] not in refused.log
    assert is_untouched
    assert (again.code, again.summary) == (0, "8 records: 8 created")


@pytest.mark.promise("target 7", "Refused updates stop the run, and the next run sends them")
@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if spec.is_changeable])
def test_refused_updates_stop_the_run_and_are_sent_by_the_next(action: str, shared: Sandbox, tmp_path: Path) -> None:
    path = ACTIONS[action].path
    first, second = ([a_record(action, id=number, name=name) for number in range(8)] for name in ("Old", "New"))
    send(shared, tmp_path, action, first, source_name=f"updates of {action}")
    shared.faults(refusing(f"{path}/*"))
    since = len(shared.requests())

    refused = send(shared, tmp_path, action, second, on_change="update", source_name=f"updates of {action}")
    posts, is_untouched = sent(shared, path, since), no_one_was_consumed(refused, tmp_path)
    shared.faults()
    again = send(shared, tmp_path, action, second, on_change="update", source_name=f"updates of {action}")

    assert (refused.code, posts) == (4, ALIKE_REFUSALS)
    assert f"may not create or update {action}" in refused.errors[0]
    assert is_untouched
    assert again.summary == "8 records: 8 updated"


@pytest.mark.promise("target 7", "Refused look-ups stop the run before anything is sent")
@pytest.mark.parametrize("is_dry", [False, True])
def test_refused_look_ups_stop_the_run_before_anything_is_sent(
    *, is_dry: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults(refusing("/v1/customers", "GET"))

    refused = send(sandbox, tmp_path, "customers", EMAILS, match_customers_by="email", dry_run=is_dry)

    assert (refused.code, sent(sandbox, "/v1/customers", 0)) == (4, 0)
    assert "may not read what is needed for customers: the first 5 records" in refused.errors[0]
    assert no_one_was_consumed(refused, tmp_path)


def test_look_ups_that_are_refused_after_one_has_found_an_object_are_rejects(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "customers", EMAILS, source_name="one")
    sandbox.faults(refusing("/v1/customers", "GET", skip=1))
    (folder := tmp_path / "other").mkdir()

    settings: Message = {"match_customers_by": "email", "source_name": "two", "concurrency": 1}
    done = send(sandbox, folder, "customers", EMAILS, **settings)

    assert (done.code, done.messages) == (0, [{"done": 1}])
    assert done.summary.startswith("8 records: 1 found, 7 rejected")


def test_fewer_records_than_that_are_rejected(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(refusing("/v1/customers"))

    done = send(sandbox, tmp_path, "customers", EMAILS[: ALIKE_REFUSALS - 1])

    assert (done.code, done.messages) == (2, [{"done": 1}])
    assert done.summary.startswith("4 records: 4 rejected")


def test_other_rejects_and_other_actions_change_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(refusing("/v1/customers"))
    bad = [a_record("customers", id=f"bad {number}", email=["x"]) for number in range(20)]
    mixed = [each for pair in zip(bad, EMAILS, strict=False) for each in pair] + bad[8:]
    products = [a_schema("products"), *(a_record("products", id=number, name="Tea") for number in range(20))]

    done = send(sandbox, tmp_path, "products", [*products, a_schema("customers"), *mixed])

    assert (done.code, sent(sandbox, "/v1/customers", 0)) == (4, ALIKE_REFUSALS)
    assert done.output == ""


def test_a_success_before_makes_them_rejects(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(refusing("/v1/customers", skip=1))

    done = send(sandbox, tmp_path, "customers", EMAILS, concurrency=1)

    assert (done.code, done.messages) == (0, [{"done": 1}])
    assert done.summary.startswith("8 records: 1 created, 7 rejected")


@pytest.mark.parametrize(
    ("settings", "code", "posts"),
    [({"on_reject": "fail"}, 2, 1), ({"max_rejects": 3}, 2, 4), ({"max_rejects": 4}, 4, 5), ({"max_rejects": 9}, 4, 5)],
)
def test_a_limit_of_rejects_that_is_reached_first_ends_the_run(
    settings: Message, code: int, posts: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults(refusing("/v1/customers"))

    done = send(sandbox, tmp_path, "customers", EMAILS, concurrency=1, **settings)

    assert (done.code, sent(sandbox, "/v1/customers", 0), done.output) == (code, posts, "")


@pytest.mark.promise("target 7", "A kill while refused records are held back loses none")
def test_a_kill_while_refused_records_are_held_back_loses_none(
    sandbox: Sandbox, tmp_path: Path, journal_url: str
) -> None:
    config = a_config(sandbox.url, source_name="default", journal_url=journal_url, concurrency=1, timeout_s=1)
    hold = {"name": "hold", "match": {"method": "POST", "path": "/v1/customers"}, "action": {"kind": "hold"}}
    sandbox.faults(refusing("/v1/customers", times=3), hold)
    lines = [a_schema("customers"), *EMAILS, a_state(done=1)]
    (tmp_path / "input").write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    read, output, log = (tmp_path / name for name in ("input", "output", "log"))

    line = command("target_stripe_flow", tmp_path, config)
    running = started(line, tmp_path, clean_env(), given=read, output=output, log=log)
    sandbox.wait_until_held("hold")
    running.send_signal(signal.SIGKILL)
    running.wait(10)
    sandbox.faults()
    again = run_target(tmp_path, config, lines)

    assert output.read_bytes() == b""
    assert json.loads(again.output) == {"done": 1}
    assert again.summary == "8 records: 7 created, 1 unchanged"  # the held request, which the run reconciled
    assert len(sandbox.objects("customer")) == 8
