"""States that `meltano run --merge-state` has merged key by key onto older ones: what ended does not come back."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_stripe_flow.state_output import Partition
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import Window
from tap_stripe_flow.windows.state import StreamState, with_ends
from tests.support.official import official
from tests.support.plugins import Message, a_config, run_tap
from tests.support.sandbox import Sandbox
from tests.support.selection import EACH_STREAMS_AT_ONCE
from tests.tap_stripe_flow.test_state_output import Written
from tests.tap_stripe_flow.windows.test_state import stream_states

DAY_S = 86_400


def merged(new: Mapping[str, Any], old: Mapping[str, Any]) -> Message:
    """As Meltano merges: objects key by key, at depth; any other value is replaced, lists too."""
    result = copy.deepcopy(dict(old))
    for name, value in new.items():
        result[name] = merged(value, result.get(name, {})) if isinstance(value, Mapping) else value
    return result


@pytest.mark.promise(
    "tap 7",
    "A state that Meltano merged key by key onto older ones gives the same run as the newest one",
)
@given(st.lists(stream_states, min_size=2, max_size=5))
def test_a_merged_state_reads_like_the_newest(stream_states: list[StreamState]) -> None:
    """However many STATEs came in between, and whichever of them were merged."""
    entry: dict[str, object] = {}
    entries = [entry := with_ends(each.to_state(), entry) for each in stream_states]

    for newest, state in zip(entries, stream_states, strict=True):
        for older in entries[: entries.index(newest) + 1]:
            found = StreamState.from_state(json.loads(json.dumps(merged(newest, older))), start=0, stream="charges")
            assert found == state


@given(stream_states, st.lists(stream_states, min_size=1, max_size=4))
def test_a_full_refresh_does_not_go_on_from_ids_and_times_of_the_state_that_it_ignores(
    old: StreamState, stream_states: list[StreamState]
) -> None:
    """Meltano passes no state to it, and merges its STATEs onto the old one all the same."""
    written = Written()
    for each in stream_states:
        written.write(Partition("charges"), Batch(state=each.to_state(), at_once=True))
        written.wait()
        newest = merged(written.states[-1].get("charges", {}), old.to_state()) if written.states else old.to_state()
        found = StreamState.from_state(newest, start=0, stream="charges")
        is_without = each.listed is None and each.events is None  # it has nothing that the old one could not go on from
        assert found.listed == each.listed or (is_without and found.listed == old.listed)
        assert found.events == each.events or (each.events is None and found.events == old.events)


@EACH_STREAMS_AT_ONCE
def test_a_full_refresh_that_is_killed_loses_no_change_after_the_merge(streams_at_once: int, tmp_path: Path) -> None:
    """Its first STATE has the time of the events alone; what changed since the old state is in neither."""
    with Sandbox("--seed", "1", "--charges", "40", "--days", "60") as sandbox:
        config = a_config(sandbox.url, capture="changes", streams_at_once=streams_at_once)
        old = run_tap(tmp_path, config).states[-1]
        sandbox.advance(2_000)
        changed = sandbox.objects("charge")[5]["id"]
        official(sandbox).v1.charges.update(changed, {"description": "changed"})
        sandbox.advance(2_000)
        refresh = run_tap(tmp_path, config)
        written: set[str] = set()
        for message in refresh.messages:
            if message["type"] == "RECORD":
                written.add(message["record"]["id"])
            if message["type"] == "STATE" and changed not in written:
                later = run_tap(tmp_path, config, state=merged(message["value"], old))
                assert changed in {each["id"] for each in later.records("charges")}

    assert next(each["type"] for each in refresh.messages if each["type"] != "SCHEMA") == "STATE"
    assert changed in written


@given(stream_states)
def test_null_reads_like_a_member_that_is_left_out(stream_state: StreamState) -> None:
    members = stream_state.to_state()
    everything = StreamState(gap=Window(start=1, end=2), started_at=1).to_state().keys() | members.keys()

    assert StreamState.from_state(dict.fromkeys(everything) | members, start=0, stream="charges") == stream_state


@pytest.mark.parametrize(
    ("member", "old"),
    [
        ("gap_until", {"gap_from": 20 * DAY_S, "gap_until": 50 * DAY_S}),
        ("emitted_ids", {"reread_from": 59 * DAY_S, "emitted_ids": ["ch_gone"]}),
        ("events_ids", {"events_reread_from": 60 * DAY_S - 7_000, "events_ids": ["evt_gone"]}),
    ],
)
@pytest.mark.parametrize("account_ids", [None, ["self"]], ids=["own", "accounts"])
def test_what_ended_does_not_come_back_when_states_are_merged(
    member: str, old: Mapping[str, Any], account_ids: list[str] | None, tmp_path: Path
) -> None:
    """The run after the merge reads nothing again."""
    with Sandbox("--seed", "1", "--charges", "40", "--days", "60") as sandbox:
        start, settings = sandbox.clock() - 60 * DAY_S, {"account_ids": account_ids} if account_ids else {}
        config = a_config(sandbox.url, capture="changes", overlap_s=0, **settings)
        end = sandbox.clock() - 10
        times = {"replication_key_value": end, "reread_from": end, "events_through": end, "events_reread_from": end}
        shifted = {name: start + value if isinstance(value, int) else value for name, value in old.items()}
        mine = times | shifted
        own = official(sandbox).v1.accounts.retrieve_current().id
        entry = {"partitions": [{"context": {"_stripe_account": own}, **mine}]} if account_ids else mine
        state: Message = {"bookmarks": {"charges": entry}}

        first = run_tap(tmp_path, config, state=state)
        second = run_tap(tmp_path, config, state=merged(first.states[-1], state))
        sandbox.advance(DAY_S)
        third = run_tap(tmp_path, config, state=merged(second.states[-1], state))

    assert [done.code for done in (first, second, third)] == [0, 0, 0]
    assert first.records("charges") or member != "gap_until"
    assert second.records("charges") == third.records("charges") == []
    for done in (first, second, third):
        bookmark = done.states[-1]["bookmarks"]["charges"]
        bookmark = bookmark["partitions"][0] if account_ids else bookmark
        assert not bookmark.get(member)
