"""`start_date: now`: only objects created after Stripe's first answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lists.tap import read_stream
from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.scenes import REFUSED, Answer, Scenes
from tests.tap_stripe_flow.capture.replica import Replica
from tests.tap_stripe_flow.crowds import A_CHARGE, crowd

# Stripe's time is taken as early as the answer allows; on a slow machine an answer takes longer.
EARLIER_S = 5
CAPTURES = pytest.mark.parametrize("capture", ["new", "changes"])


def settings(url: str, **more: object) -> dict[str, object]:
    return a_config(url, start_date="now", customers_mode="list", **more)


def ids(*done: Ended) -> list[str]:
    return [record["id"] for each in done for record in each.records("charges")]


def charges(sandbox: Sandbox, count: int = 1, account: str | None = None) -> list[str]:
    client = official(sandbox, account).v1
    return [client.charges.create({"amount": 500, "currency": "usd", "source": "tok_visa"}).id for _ in range(count)]


def bookmarks(state: Message) -> Sequence[Message]:
    """The bookmarks of all streams and accounts."""
    found: list[Message] = []
    for each in state["bookmarks"].values():
        found += each.get("partitions") or [each]
    return found


@CAPTURES
def test_only_objects_created_after_the_first_run_are_emitted(sandbox: Sandbox, tmp_path: Path, capture: str) -> None:
    charges(sandbox, 3)
    sandbox.advance(1_000)
    charges(sandbox, 2)
    sandbox.advance(2)

    first = run_tap(tmp_path, settings(sandbox.url, capture=capture))
    later = charges(sandbox, 2)
    second = run_tap(tmp_path, settings(sandbox.url, capture=capture), state=first.states[-1])
    sandbox.advance(100_000)
    later += charges(sandbox, 1)
    third = run_tap(tmp_path, settings(sandbox.url, capture=capture), state=second.states[-1])
    fourth = run_tap(tmp_path, settings(sandbox.url, capture=capture), state=third.states[-1])

    assert [each.code for each in (first, second, third, fourth)] == [0, 0, 0, 0]
    assert ids(first) == []
    if capture == "new":
        assert sorted(ids(second, third, fourth)) == sorted(later)
    assert set(ids(second, third, fourth)) == set(later)


@CAPTURES
def test_the_start_is_in_a_state_before_the_first_record(sandbox: Sandbox, tmp_path: Path, capture: str) -> None:
    now = sandbox.clock()

    done = run_tap(tmp_path, settings(sandbox.url, capture=capture))

    kinds = [each["type"] for each in done.messages]
    starts = [each["started_at"] for each in bookmarks(done.states[-1])]
    assert kinds.index("STATE") < (kinds.index("RECORD") if "RECORD" in kinds else len(kinds))
    assert len(starts) == 3
    assert all(now - EARLIER_S <= start <= sandbox.clock() for start in starts)


def test_a_run_that_was_killed_after_its_first_state_starts_from_there(sandbox: Sandbox, tmp_path: Path) -> None:
    states = run_tap(tmp_path, settings(sandbox.url)).states
    first = next(each for each in states if "charges" in each["bookmarks"])  # streams begin side by side
    later = charges(sandbox, 2)
    sandbox.advance(5_000)

    done = run_tap(tmp_path, settings(sandbox.url), state=first)

    assert sorted(ids(done)) == sorted(later)


@pytest.mark.parametrize("there", [3, 150, 1_200])
def test_objects_created_in_the_second_of_the_first_answer_are_emitted_if_it_did_not_show_them(
    sandbox: Sandbox, tmp_path: Path, there: int
) -> None:
    """Objects of one second, made before and after Stripe's first answer."""
    now = sandbox.clock() + 10
    crowd(sandbox, "/v1/charges", A_CHARGE, there, at=now)
    old = {each["id"] for each in sandbox.objects("charge")}

    first = run_at(sandbox, tmp_path, now)
    crowd(sandbox, "/v1/charges", A_CHARGE, 5, at=now)
    new = {each["id"] for each in sandbox.objects("charge")} - old
    sandbox.set_clock(now + 2_000)
    second = run_tap(tmp_path, settings(sandbox.url), state=first.states[-1])
    third = run_tap(tmp_path, settings(sandbox.url), state=second.states[-1])

    assert now - EARLIER_S <= first.states[-1]["bookmarks"]["charges"]["started_at"] <= now
    assert ids(first) == []
    assert Counter(ids(second, third)) == Counter(new)


def run_at(sandbox: Sandbox, folder: Path, now: int) -> Ended:
    """A run whose first answer is from second `now`."""
    rule = {"name": "first answer", "match": {"path": "/v1/charges"}, "times": 1, "at": "before_answer"}
    sandbox.faults({**rule, "action": {"kind": "hold"}})
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run_tap, folder, settings(sandbox.url))
        sandbox.wait_until_held("first answer")
        sandbox.set_clock(now)
        sandbox.release("first answer")
        return running.result(60)


def test_each_account_has_its_own_start(sandbox: Sandbox, tmp_path: Path) -> None:
    for account in (PLATFORM, CONNECTED):
        charges(sandbox, 2, account)
    first = run_tap(tmp_path, settings(sandbox.url, account_ids=["self"]))
    later = charges(sandbox, 1, PLATFORM)
    charges(sandbox, 1, CONNECTED)
    sandbox.advance(3_000)

    both = run_tap(tmp_path, settings(sandbox.url, account_ids=["self", CONNECTED]), state=first.states[-1])
    later += charges(sandbox, 1, CONNECTED)
    again = run_tap(tmp_path, settings(sandbox.url, account_ids=["self", CONNECTED]), state=both.states[-1])

    assert sorted(ids(first, both, again)) == sorted(later)


def test_objects_from_before_the_start_are_emitted_once_they_change(sandbox: Sandbox, tmp_path: Path) -> None:
    old = charges(sandbox, 2)
    charges(sandbox, 1)
    sandbox.advance(1_000)
    state = run_tap(tmp_path, settings(sandbox.url, capture="changes")).states[-1]
    new = charges(sandbox, 2)
    sandbox.advance(1_000)
    state = run_tap(tmp_path, settings(sandbox.url, capture="changes"), state=state).states[-1]
    for each in (*old, *new):
        official(sandbox).v1.charges.update(each, {"description": "now"})

    done = run_tap(tmp_path, settings(sandbox.url, capture="changes"), state=state)

    assert sorted(ids(done)) == sorted([*old, *new])


def test_an_end_date_with_start_now_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, settings(sandbox.url, end_date="2026-01-01"))

    assert done.code == 1
    assert "start_date" in done.errors[0]
    assert done.messages == []


def test_an_object_created_before_the_start_is_not_emitted_when_it_becomes_visible_late(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    late = {"name": "late", "match": {"path": "/v1/charges", "method": "POST"}, "at": "before_execute"}
    sandbox.faults({**late, "action": {"kind": "late_visibility", "up_to_s": 60, "at_least_s": 50}})
    charges(sandbox, 2)
    sandbox.faults()
    sandbox.advance(10)
    first = run_tap(tmp_path, settings(sandbox.url))
    sandbox.advance(100)

    second = run_tap(tmp_path, settings(sandbox.url), state=first.states[-1])

    assert ids(first, second) == []


NOW = 1_790_000_000
UNREADABLE = b"no JSON"
FAILURES = pytest.mark.parametrize(
    ("status", "body"),
    [(503, {"error": {"type": "api_error"}}), (429, {}), (403, REFUSED), (200, UNREADABLE)],
    ids=["unreachable", "too many requests", "refused", "not JSON"],
)


def a_charge(name: str, created: int, amount: int = 1) -> Message:
    return {"id": f"ch_{name}", "object": "charge", "created": created, "amount": amount}


@pytest.mark.promise(
    "tap 1", "If a first run with `start_date: now` fails, the next run reads from the first run's time on"
)
@CAPTURES
@FAILURES
@pytest.mark.parametrize("path", ["/v1/charges", "/v1/*"])
def test_a_first_run_that_fails_keeps_its_time(path: str, capture: str, status: int, body: object) -> None:
    """What was made, and under `changes` what changed, since the first run comes with the second."""
    old, between = a_charge("old", NOW - 90_000), a_charge("between", NOW + 300)
    lists = {"/v1/charges": [old], "/v1/events": []}
    with Scenes(now=NOW, lists=lists, answers=[Answer(path=path, status=status, body=body)]) as stripe:
        replica = Replica(stream="charges", url=stripe.url, settings={"start_date": "now", "capture": capture})
        nothing = replica.run()
        error = replica.error
        changed = {**old, "amount": 2}
        event = {"id": "evt_1", "object": "event", "type": "charge.updated", "created": NOW + 400}
        events = [event | {"data": {"object": changed}}]
        stripe.set(now=NOW + 600, lists={"/v1/charges": [changed, between], "/v1/events": events})
        records = replica.run()

    assert (nothing, error is None) == ([], False)
    assert replica.error is None
    assert records == [between, *([changed] if capture == "changes" else [])]


@CAPTURES
def test_the_time_of_the_first_run_is_written_at_once(capture: str) -> None:
    with Scenes(now=NOW, lists={"/v1/charges": [a_charge("old", NOW - 9)], "/v1/events": []}) as stripe:
        config = a_config(stripe.url, capture=capture, start_date="now")
        batches = list(read_stream("charges", config, None))

    assert [each.at_once for each in batches] == [True, *[False] * (len(batches) - 1)]
    assert batches[0].state is not None
    assert NOW - EARLIER_S <= batches[0].state["started_at"] <= NOW  # type: ignore[operator]  # an integer
