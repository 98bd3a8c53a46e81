"""The judge of the kill tests, with correct and faulty histories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from tests.kills.tap.history import Bookmark, Emitted, Event, Partition, Run, State, counted_in, events_of, last_state
from tests.kills.tap.judge import MOST_IN_WINDOW, MOST_STATE_BYTES, Judge, Kind, Verdict
from tests.kills.tap.outcome import Outcome

CHARGES, REFUNDS = Partition("charges", "acct_1"), Partition("refunds", "acct_1")
OVERLAP_S = 600
# Late enough that all windows are settled, unless a history names another time.
LATE = 1_000_000


def a_record(object_id: str, partition: Partition = CHARGES, created: int = LATE) -> Emitted:
    return Emitted(partition, object_id, created)


def a_state(
    end: int, reread_from: int | None = None, ids: Sequence[str] = (), *, partition: Partition = CHARGES, **others: int
) -> State:
    """`others` are the bookmarks of other streams."""
    bookmarks = {Partition(stream, partition.account): Bookmark(at, at) for stream, at in others.items()}
    mine = Bookmark(end, end if reread_from is None else reread_from, json.dumps(ids).encode())
    return State(100, bookmarks | {partition: mine})


def killed(*events: Event, clock: int = LATE) -> Run:
    return Run(clock_unix=clock, was_killed=True, events=events)


def ended(*events: Event, clock: int = LATE, counted: Mapping[Partition, int] | None = None) -> Run:
    return Run(clock_unix=clock, was_killed=False, events=events, counted=counted)


def verdict(*runs: Run, charges: Sequence[str] = (), refunds: Sequence[str] = ()) -> Verdict:
    judge = Judge(OVERLAP_S)
    for run in runs:
        judge.add(run)
    return judge.close({CHARGES: charges, REFUNDS: refunds})


def kinds(found: Verdict) -> list[Kind]:
    return [fault.kind for fault in found.faults]


def test_a_window_may_be_repeated_after_a_kill_until_a_state_covers_it() -> None:
    found = verdict(
        killed(a_record("ch_1"), a_state(10), a_record("ch_2"), a_record("ch_3")),
        killed(a_record("ch_2")),
        ended(a_record("ch_2"), a_record("ch_3"), a_state(20)),
        ended(),
        charges=["ch_1", "ch_2", "ch_3"],
    )

    assert found.faults == []
    assert (found.windows, found.records, found.repeats, found.most_repeats_at_once) == (2, 6, 3, 2)


def test_a_smaller_window_than_before_the_kill_leaves_the_rest_to_be_repeated() -> None:
    found = verdict(
        killed(a_record("ch_1"), a_record("ch_2")),
        killed(a_record("ch_1"), a_state(10)),
        ended(a_record("ch_2"), a_state(20)),
        charges=["ch_1", "ch_2"],
    )

    assert found.faults == []


def test_the_state_of_another_stream_covers_nothing() -> None:
    found = verdict(
        killed(a_state(10, refunds=10), a_record("ch_1"), a_state(10, refunds=20)),
        ended(a_record("ch_1"), a_state(20, refunds=20)),
        charges=["ch_1"],
    )

    assert found.faults == []


def test_an_object_that_was_never_emitted_is_lost() -> None:
    found = verdict(ended(a_record("ch_1"), a_state(10)), charges=["ch_1", "ch_2"])

    assert kinds(found) == [Kind.LOST]
    assert "ch_2 was emitted never" in found.sentences()[0]


def test_an_object_emitted_only_after_the_last_state_of_a_killed_run_is_lost() -> None:
    found = verdict(killed(a_record("ch_1")), ended(a_state(10)), charges=["ch_1"])

    assert kinds(found) == [Kind.LOST]


def test_an_object_of_another_account_is_foreign() -> None:
    other = Partition("charges", "acct_2")
    found = verdict(ended(a_record("ch_1", other), a_state(10, partition=other)), charges=[])

    assert kinds(found) == [Kind.FOREIGN]


@pytest.mark.parametrize(
    "runs",
    [
        [killed(a_record("ch_1"), a_state(10)), ended(a_record("ch_1"), a_state(20))],
        [ended(a_record("ch_1"), a_state(10)), ended(a_record("ch_1"), a_state(20))],
        [ended(a_record("ch_1")), ended(a_record("ch_1"), a_state(20))],
        [ended(a_record("ch_1"), a_record("ch_1"), a_state(20))],
        [killed(a_record("ch_1")), ended(a_record("ch_1"), a_record("ch_1"), a_state(20))],
    ],
    ids=[
        "covered before the kill",
        "after a good end",
        "after a good end without a STATE",
        "twice",
        "twice after a kill",
    ],
)
def test_a_repeat_beyond_the_window_of_a_killed_run_is_found(runs: Sequence[Run]) -> None:
    assert kinds(verdict(*runs, charges=["ch_1"])) == [Kind.REPEATED]


def records(first: int, end: int) -> list[Emitted]:
    return [a_record(f"ch_{number}") for number in range(first, end)]


def test_a_tap_that_writes_too_few_states_is_found() -> None:
    most, ids = MOST_IN_WINDOW, [f"ch_{number}" for number in range(MOST_IN_WINDOW + 1)]

    one = verdict(killed(*records(0, most)), ended(*records(0, most), a_state(10)), charges=ids[:most])
    four = verdict(ended(*records(0, most + 1), a_state(10)), charges=ids)

    assert (one.faults, one.most_repeats_at_once) == ([], most)
    assert kinds(four) == [Kind.MORE_THAN_A_WINDOW]


def test_a_run_that_repeats_what_several_killed_runs_left_open_is_found() -> None:
    half, most = MOST_IN_WINDOW // 2, MOST_IN_WINDOW
    again: list[Emitted | State] = [*records(0, half), a_state(10), *records(half, most), a_state(20)]
    again += [*records(most, most + 1), a_state(30)]

    found = verdict(
        killed(*records(0, half)),
        killed(*records(half, most + 1)),
        ended(*again),
        charges=[f"ch_{number}" for number in range(most + 1)],
    )

    assert kinds(found) == [Kind.MORE_THAN_A_WINDOW]


@pytest.mark.parametrize("counted", [{CHARGES: 2}, {CHARGES: 0}, {}, {CHARGES: 1, REFUNDS: 1}])
def test_a_summary_that_counts_other_records_than_were_written_is_found(counted: Mapping[Partition, int]) -> None:
    events = a_record("ch_1"), a_state(10)

    assert kinds(verdict(ended(*events, counted=counted), charges=["ch_1"])) == [Kind.MISCOUNTED]
    assert kinds(verdict(ended(*events, counted={CHARGES: 1, REFUNDS: 0}), charges=["ch_1"])) == []


def test_a_state_before_its_records_is_found() -> None:
    before = killed(a_state(10), a_record("ch_1", created=9)), ended(a_record("ch_1", created=9), a_state(20))
    behind = ended(a_record("ch_1", created=9), a_state(10), a_record("ch_2", created=10), a_state(20))

    assert kinds(verdict(*before, charges=["ch_1"])) == [Kind.AHEAD, Kind.AHEAD]
    assert kinds(verdict(behind, charges=["ch_1", "ch_2"])) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (a_state(20), a_state(19)),
        (a_state(20, 10), a_state(30, 9)),
        (a_state(20), a_state(20, partition=REFUNDS)),
    ],
    ids=["its end", "where it reads from", "deleted"],
)
def test_a_bookmark_that_goes_back_is_found(before: State, after: State) -> None:
    assert kinds(verdict(killed(before), ended(after))) == [Kind.WENT_BACK]
    assert kinds(verdict(ended(before, after))) == [Kind.WENT_BACK]


def test_a_state_that_is_too_long_is_found() -> None:
    longest = State(MOST_STATE_BYTES, {CHARGES: Bookmark(1, 1)})

    assert kinds(verdict(ended(longest))) == []
    assert kinds(verdict(ended(longest._replace(length=MOST_STATE_BYTES + 1)))) == [Kind.TOO_LONG]


def test_ids_in_the_state_of_a_backfill_are_found() -> None:
    found = verdict(ended(a_record("ch_1"), a_state(400, ids=["ch_1"]), clock=1000), charges=["ch_1"])

    assert kinds(found) == [Kind.REMEMBERS_SETTLED]
    assert found.settled_windows == 1


def test_ids_of_objects_that_were_not_settled_may_stay_until_they_are_read_again() -> None:
    found = verdict(
        killed(a_record("ch_1"), a_state(1001, 400, ["ch_1"]), clock=1000),
        ended(a_state(1001, 500, ["ch_1"]), clock=2000),
        charges=["ch_1"],
    )

    assert found.faults == []
    assert found.settled_windows == 1


def test_an_incomplete_line_is_ignored() -> None:
    of_record_ = {"id": "ch_1", "created": LATE, "_stripe_account": "acct_1"}
    record = {"type": "RECORD", "stream": "charges", "record": of_record_}
    bookmark = {"replication_key_value": 9, "reread_from": 7, "emitted_ids": ["ch_1"]}
    partitions = {"partitions": [bookmark | {"context": {"_stripe_account": "acct_1"}}]}
    value = {"bookmarks": {"charges": partitions, "refunds": {"partitions": []}}}
    lines = [{"type": "SCHEMA", "stream": "charges", "schema": {}}, record, {"type": "STATE", "value": value}]
    output = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    events = events_of(output + output[:-1])

    (of_record, of_state, again) = events
    assert of_record == again == a_record("ch_1")
    assert isinstance(of_state, State)
    assert of_state.bookmarks == {CHARGES: Bookmark(9, 7, b'["ch_1"]')}
    assert json.loads(last_state(output + output[:-1]) or b"") == value
    assert last_state(output[: output.index(b'{"type": "STATE"') + 5]) is None


def test_a_state_without_accounts_has_one_partition_per_stream() -> None:
    output = b'{"type":"STATE","value":{"bookmarks":{"charges":{"replication_key_value":9},"refunds":{}}}}\n'

    (state,) = events_of(output)

    assert isinstance(state, State)
    assert state.bookmarks == {Partition("charges", ""): Bookmark(9, 9)}


def test_the_counts_of_the_summary_are_those_of_the_table_at_the_end_of_the_log() -> None:
    row = "2026-11-30 16:24:43,494 | INFO     | tap-stripe-flow                | "
    log = [
        "read stream=charges account=acct_1 records=7 requests=1 seconds=0.0 state=ok",
        "stream   account  records  requests  up to                 seconds  state",
        "charges  acct_1        20         1  2026-11-30T16:24:44Z      0.0  ok",
        "refunds  acct_1         0         0                                 not read",
    ]

    assert counted_in("\n".join(row + line for line in log)) == {CHARGES: 20, REFUNDS: 0}
    assert counted_in(row + log[0]) is None


def an_outcome(found: Verdict, created: Mapping[Partition, Sequence[int]]) -> Outcome:
    """An outcome after ten kills."""
    return Outcome(
        seed=1,
        streams_at_once=8,
        verdict=found,
        kills=10,
        kills_when_full=4,
        runs=12,
        written_bytes=1,
        late_objects=1,
        created=created,
        took_s=1,
    )


def test_an_ordeal_that_is_too_small_names_the_figure() -> None:
    stamps = [0] * 6000 + [599] * 6000
    outcome = an_outcome(
        Verdict(windows=40, settled_windows=1, summaries=1, repeats=1, most_cut_off_at_once=2),
        {CHARGES: stamps, REFUNDS: stamps},
    )

    assert outcome.shortfalls(kills=10) == []
    assert outcome.shortfalls(kills=11) == ["only 10 kills, not 11"]


def test_the_overlap_figures_are_those_of_each_partition() -> None:
    outcome = an_outcome(Verdict(), {CHARGES: [0] * 20_000, REFUNDS: [0] * 6000 + [600] * 6000})

    assert (outcome.in_overlap, outcome.ties) == ([20_000, 6000], 6000)
    assert outcome.shortfalls(kills=10)[-1:] == ["only 0 partitions whose window one kill cut off, not 2"]
