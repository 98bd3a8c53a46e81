"""`stripe-flow slices`: runs over the slices read each object exactly once, within the rate limit of the account."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.official import everything, official
from tests.support.plugins import Ended, a_config, run, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

ACCOUNTS = [PLATFORM, CONNECTED]
WORKERS = 2
RATE, TOTAL = 20, 80
OVERLAP_S = 600


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    keys = {
        "accounts": {PLATFORM: {"charges": 3000, "days": 60}, CONNECTED: {"charges": 300, "days": 5}},
        "keys": {Sandbox.key: {"account": PLATFORM}},
    }
    path = tmp_path_factory.mktemp("slices") / "keys.json"
    path.write_text(json.dumps(keys))
    with Sandbox("--keys", str(path), "--seed", "3") as running:
        yield running


def slices(folder: Path, settings: dict[str, object], *options: str) -> Ended:
    (folder / "slices.json").write_text(json.dumps(settings))
    line = [sys.executable, "-m", "stripe_flow_cli", "slices", "--config", "slices.json", *options]
    done = run(line, folder)
    assert Sandbox.key not in done.output + done.log
    assert "Traceback" not in done.log
    return done


def planned(folder: Path, settings: dict[str, object]) -> list[dict[str, Any]]:
    done = slices(folder, settings, "--workers", str(WORKERS))
    assert (done.code, done.log) == (0, "")
    return list(json.loads(done.output))


def as_settings(piece: dict[str, Any]) -> dict[str, Any]:
    """The settings of the run that reads this slice."""
    named = {"account_ids": [piece["account"]]} if piece["account"] else {}
    return named | {name: piece[name] for name in ("start_date", "end_date", "runs_at_once", "capture")}


@pytest.mark.promise("tap 1", "Runs over the slices of a past read each object exactly once")
def test_runs_over_the_slices_read_each_object_exactly_once(world: Sandbox, tmp_path: Path) -> None:
    settings = a_config(world.url, account_ids=ACCOUNTS)

    found = planned(tmp_path, settings)

    read: Counter[tuple[str, str]] = Counter()
    for piece in found:
        done = run_tap(tmp_path, settings | as_settings(piece))
        assert done.code == 0
        read.update((each["_stripe_account"], each["id"]) for each in done.records("charges"))
    end_unix = datetime.fromisoformat(max(piece["end_date"] for piece in found)).timestamp()
    assert world.clock() - end_unix == pytest.approx(OVERLAP_S, abs=60)
    there = {
        (account, each["id"])
        for account in ACCOUNTS
        for each in world.objects("charge", account)
        if each["created"] < end_unix  # newer seconds are not settled yet
    }
    assert set(read) == there
    assert set(read.values()) == {1}
    assert sum(piece["objects"] for piece in found) == pytest.approx(len(there), rel=0.2)


def test_slices_that_run_at_once_share_the_rate_of_their_account(world: Sandbox, tmp_path: Path) -> None:
    rates = {"max_requests_per_second": RATE, "max_requests_per_second_total": TOTAL}

    found = planned(tmp_path, a_config(world.url) | rates | {"account_ids": ACCOUNTS})

    for account in ACCOUNTS:
        of_account = [piece for piece in found if piece["account"] == account]
        at_once = min(WORKERS, len(of_account))
        assert {piece["runs_at_once"] for piece in of_account} == {at_once}
        assert sum(piece["requests_per_second"] for piece in of_account[:at_once]) == pytest.approx(RATE, abs=0.01)


def test_a_slice_is_read_once_whatever_the_schedule_captures(world: Sandbox, tmp_path: Path) -> None:
    found = planned(tmp_path, a_config(world.url, capture="changes"))

    assert {piece["capture"] for piece in found} == {"new"}
    state = run_tap(tmp_path, a_config(world.url, capture="changes") | as_settings(found[0])).states[-1]
    assert state["bookmarks"]["charges"].get("events_through") is None


@pytest.mark.promise("tap 1", "A schedule that runs once, and then the slices of its past, together copy every object")
@pytest.mark.parametrize("is_paused", [True, False], ids=["schedule paused", "schedule running"])
def test_a_schedule_and_a_backfill_are_a_copy_of_everything(tmp_path: Path, *, is_paused: bool) -> None:
    """The recipe of docs/scale.md: the schedule's first run, the slices up to its start, then the schedule."""
    with Sandbox("--seed", "4", "--charges", "50", "--days", "20") as sandbox:
        client = official(sandbox).v1
        end = datetime.fromtimestamp(sandbox.clock() - 2 * OVERLAP_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        settings = a_config(sandbox.url, capture="changes", start_date=end)
        ticks = [run_tap(tmp_path, settings)]
        slices = planned(tmp_path, settings | {"start_date": "2010-01-01", "end_date": end})
        old = [each["id"] for each in sandbox.objects("charge")]
        read = [run_tap(tmp_path, settings | as_settings(slices[0]))]
        client.charges.update(old[0], {"description": "changed while slices were read"})
        sandbox.advance(OVERLAP_S)
        if not is_paused:
            ticks.append(run_tap(tmp_path, settings, state=ticks[-1].states[-1]))
        read += [run_tap(tmp_path, settings | as_settings(piece)) for piece in slices[1:]]
        client.charges.update(old[1], {"description": "changed after the slices"})
        sandbox.advance(OVERLAP_S)
        ticks.append(run_tap(tmp_path, settings, state=ticks[-1].states[-1]))

        rows = {each["id"]: each for done in [ticks[0], *read, *ticks[1:]] for each in done.records("charges")}
        assert rows == {each["id"]: each for each in everything(client.charges)}
    assert {done.code for done in [*read, *ticks]} == {0}


def test_the_key_s_own_account_needs_no_name(world: Sandbox, tmp_path: Path) -> None:
    found = planned(tmp_path, a_config(world.url))

    assert {piece["account"] for piece in found} == {None}
    assert len(found) >= WORKERS


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ({}, ["--stream", "charge"], "no stream 'charge' that is read by time (did you mean charges?): "),
        ({}, ["--stream", "customers"], "is read by ids"),
        ({"start_date": "now"}, [], "start_date is `now`"),
        ({"end_date": "2100-01-01"}, [], "end_date must be at least overlap_s"),
        ({"start_date": "2100-01-01"}, [], "start_date is later than the last settled second"),
        ({"api_key": "pk_test_x"}, [], "api_key"),
        ({"api_key": "sk_test_other"}, [], "401"),
    ],
)
def test_a_past_that_cannot_be_cut_is_one_clear_line(
    settings: dict[str, object], options: list[str], said: str, world: Sandbox, tmp_path: Path
) -> None:
    done = slices(tmp_path, a_config(world.url) | settings, *options)

    assert done.code in {1, 4}
    assert done.output == ""
    [line] = done.log.splitlines()
    assert said in line
