"""When STATE messages are written, and what they hold."""

from __future__ import annotations

import io
import json
import signal
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from singer_sdk.helpers.types import TapState

from stripe_flow.singer.writer import LineWriter
from tap_stripe_flow.state_output import LARGE_BYTES, LONGEST_WAIT_S, Partition, StateOutput
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import Window
from tests.support.forking import started
from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, clean_env, command, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.selection import EACH_STREAMS_AT_ONCE

ACCOUNTS = [f"acct_{number:04d}" for number in range(40)]
TICK_S = 600
END = "replication_key_value"
A_WINDOW = Window(start=1, end=2)


@dataclass
class Written:
    """A StateOutput that writes into memory, and whose clock stands still; see `StateOutput`."""

    state: TapState = field(default_factory=TapState)
    now_s: float = 0
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._memory = io.TextIOWrapper(io.BytesIO())
        self._writer = LineWriter()
        self.output = StateOutput(self.state, self._writer, self.warnings.append, lambda: self.now_s)

    def write(self, partition: Partition, batch: Batch, records: Sequence[str] = ()) -> None:
        """Write these ids as records of `batch`, and commit it, as the engine does."""
        with redirect_stdout(self._memory):
            if records:
                self.output.before_records(partition, batch)
                raws = [json.dumps({"id": each}).encode() for each in records]
                self._writer.write_records(partition.stream, ((raw, "") for raw in raws))
                self._writer.flush()
            self.output.commit(partition, batch)

    def wait(self) -> None:
        """Wait until a STATE that was asked for at once may be written, and write it."""
        self.now_s += self.output.due_in_s() or 0
        with redirect_stdout(self._memory):
            self.output.write_if_due()

    def finish(self, *, ended_well: bool = True) -> None:
        with redirect_stdout(self._memory):
            self.output.finish(ended_well=ended_well)

    @property
    def messages(self) -> list[Message]:
        self._memory.flush()
        buffer = self._memory.buffer
        assert isinstance(buffer, io.BytesIO)
        return [json.loads(line) for line in buffer.getvalue().splitlines()]

    @property
    def states(self) -> list[Message]:
        return [each["value"]["bookmarks"] for each in self.messages if each["type"] == "STATE"]


def at(end: int, **members: object) -> Batch:
    """A batch of a window, with the state after it."""
    return Batch(state={END: end, **members}, window=A_WINDOW)


def bookmarks(value: Message) -> dict[Partition, Message]:
    """All bookmarks of a STATE's value."""
    return {
        Partition(stream, each.get("context", {}).get("_stripe_account")): each
        for stream, entry in value["bookmarks"].items()
        for each in [entry, *entry.get("partitions", [])]
        if END in each
    }


OWN, ITS = Partition("charges"), Partition("charges", "acct_1")
# One step: the partition, whether it is a window, how many records, of them in a part before it, seconds, at once.
steps = st.tuples(
    st.sampled_from([OWN, ITS, Partition("plans", "acct_1")]),
    st.booleans(),
    st.integers(0, 8),
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, 4, 11]),
    st.sampled_from([False, False, False, True]),
)


@pytest.mark.promise(
    "tap 7",
    "After a kill the next run repeats at most one window and one batch of changes of each stream and account",
)
@example([(ITS, True, 1, part, 0, False) for part in (0, 0, 1)])
@example([(ITS, True, 1, part, 0, False) for part in (0, 0, 2)])
@example([(ITS, False, 1, 0, 0, False)] * 3)
@given(st.lists(steps, max_size=40))
def test_no_state_is_ahead_and_a_kill_repeats_one_window_and_one_batch_of_changes(steps: list[Any]) -> None:
    written, last = Written(), dict[Partition, int]()
    for number, (partition, is_window, records, part, seconds, at_once) in enumerate(steps, start=1):
        last[partition] = number
        names = [f"{partition.account or ''} {number} {is_window:d}"]
        batch = Batch(
            state={END: number, "emitted_ids": [str(number)] * (number % 3 * 80)},
            window=A_WINDOW if is_window else None,
            at_once=at_once,
        )
        written.now_s += seconds
        if part:  # a page of a window that is written page by page, or children of some of its parents
            written.write(partition, Batch(window=batch.window if part % 2 else None), names * part)
        written.write(partition, batch, names * records)
        if at_once:
            written.wait()
            assert written.states[-1] == written.state["bookmarks"]
    written.finish()

    final = bookmarks({"bookmarks": written.states[-1]})
    assert {partition: each[END] for partition, each in final.items()} == last
    _check(written.messages)


def _check(messages: Sequence[Message]) -> None:
    """Check each STATE, and what a kill after each line would repeat."""
    seen = defaultdict[Partition, dict[int, bool]](dict)  # window number: whether it is a window
    covered = dict[Partition, int]()
    for message in messages:
        if message["type"] == "RECORD":
            account, number, is_window = message["record"]["id"].split(" ")
            seen[Partition(message["stream"], account or None)][int(number)] = is_window == "1"
        else:
            covered |= {partition: each[END] for partition, each in bookmarks(message["value"]).items()}
        for partition, windows in seen.items():
            repeated = [is_window for number, is_window in windows.items() if number > covered.get(partition, 0)]
            assert len(repeated) == len(set(repeated)), (partition, windows, covered)


def test_a_state_waits_for_records_that_weigh_as_much_or_ten_seconds() -> None:
    written = Written()
    long = {"emitted_ids": [f"ch_{number}" for number in range(200)]}
    written.write(Partition("charges", "a"), at(1, **long))
    assert len(written.states) == 1

    for number in range(9):
        written.write(Partition("charges", f"b{number}"), at(1), ["ch_1"])
    assert len(written.states) == 1
    written.write(Partition("charges", "c"), at(1), ["ch_" + "0" * 4_000])
    assert len(written.states) == 2
    assert len(bookmarks({"bookmarks": written.states[1]})) == 11

    written.write(Partition("charges", "b0"), at(2), ["ch_2"])  # its first window is covered already
    assert len(written.states) == 2
    written.write(Partition("charges", "b0"), at(3), ["ch_3"])
    assert len(written.states) == 3

    written.now_s += LONGEST_WAIT_S - 1
    written.write(Partition("charges", "d"), at(1), ["ch_1"])
    assert len(written.states) == 3
    written.now_s += 1
    written.write(Partition("charges", "e"), at(1))
    assert len(written.states) == 4

    written.now_s += LONGEST_WAIT_S
    written.write(Partition("charges", "f"), at(1))
    assert len(written.states) == 4  # no record waits, so a kill would repeat nothing


def test_a_state_with_records_waits_ten_seconds_also_while_nothing_is_read() -> None:
    written = Written()
    written.write(Partition("charges", "a"), at(1, emitted_ids=[f"ch_{number}" for number in range(200)]))
    assert written.output.due_in_s() is None

    written.write(Partition("charges", "b"), at(1), ["ch_1"])
    assert (len(written.states), written.output.due_in_s()) == (1, LONGEST_WAIT_S)
    written.wait()
    assert (len(written.states), written.output.due_in_s()) == (2, None)


def test_a_run_without_any_change_writes_one_state() -> None:
    written = Written()
    written.write(Partition("plans"), Batch(), ["plan_1"])
    written.finish(ended_well=False)
    assert written.states == []

    written.finish()
    written.finish()

    assert written.states == [{}]


def test_a_large_state_is_warned_of_once() -> None:
    written = Written()
    long = {"emitted_ids": ["x" * LARGE_BYTES]}

    for number in range(3):
        written.write(Partition("charges", str(number)), Batch(state=long, at_once=True))
        written.wait()

    assert len(written.states) == 3
    (warning,) = written.warnings
    assert "1.0 MB" in warning
    assert "account_ids" in warning


def test_what_says_nothing_is_not_in_the_state_and_what_ended_stays_null() -> None:
    """Partitions that were only looked at say nothing; nulls of an earlier run still end what an older state holds."""
    nulls = {END: 5, "gap_from": None, "gap_until": None}
    partition = {"context": {"_stripe_account": "a"}, **nulls}
    written = Written(TapState(bookmarks={"charges": {"partitions": [partition], **nulls}}))

    written.output.entry(Partition("plans", "a"))
    written.write(Partition("charges"), at(6, emitted_ids=["ch_1"]))
    written.write(Partition("charges"), at(7))
    written.finish()

    assert written.states[-1] == {
        "charges": {
            "partitions": [partition],
            **nulls,
            END: 7,
            "emitted_ids": None,
        }
    }


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Many accounts with a few charges each."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    past = {"charges": 3, "days": 2}
    keys.write_text(
        json.dumps({"accounts": dict.fromkeys(ACCOUNTS, past), "keys": {Sandbox.key: {"account": ACCOUNTS[0]}}})
    )
    with Sandbox("--keys", str(keys), "--seed", "1") as running:
        yield running


def size(done: Ended) -> int:
    """The bytes of all STATEs of a run."""
    return sum(len(line) for line in done.output.splitlines() if line.startswith('{"type":"STATE"'))


@pytest.mark.promise(
    "tap 7",
    "Idle runs cost no more per account with more accounts; busy ones write no more STATE bytes than record bytes",
)
@pytest.mark.parametrize("capture", ["new", "changes"])
@EACH_STREAMS_AT_ONCE
def test_the_states_of_a_tick_grow_with_the_accounts_and_not_faster(
    streams_at_once: int, capture: str, many: Sandbox, tmp_path: Path
) -> None:
    """An idle tick; then a busy one: in each account a charge is made, and an older one changes."""
    few, most = 8, len(ACCOUNTS)
    read = {"capture": capture, "streams_at_once": streams_at_once}
    configs = {count: a_config(many.url, account_ids=ACCOUNTS[:count], **read) for count in (few, most)}
    first = {count: run_tap(tmp_path, config) for count, config in configs.items()}
    many.advance(TICK_S)

    idle = {count: run_tap(tmp_path, config, state=first[count].states[-1]) for count, config in configs.items()}
    make_busy(many)
    busy = {count: run_tap(tmp_path, config, state=idle[count].states[-1]) for count, config in configs.items()}

    for count in (few, most):
        assert (idle[count].code, busy[count].code) == (0, 0)
        assert idle[count].records("charges") == []
        assert len(busy[count].records("charges")) == count * (2 if capture == "changes" else 1)
        assert len(bookmarks(busy[count].states[-1])) == 2 * count
        assert len(idle[count].states) == 2  # the one that came in, and the last one
    assert size(idle[most]) <= 1.1 * most / few * size(idle[few])
    assert size(busy[most]) - size(idle[most]) <= len(busy[most].output) - size(busy[most])


def make_busy(many: Sandbox) -> None:
    client = official(many).v1
    for account in ACCOUNTS:
        old = many.objects("charge", account)[0]["id"]
        client.charges.update(old, {"description": f"changed at {many.clock()}"}, {"stripe_account": account})
        client.charges.create({"amount": 500, "currency": "usd", "source": "tok_visa"}, {"stripe_account": account})
    many.advance(TICK_S)


Ending = tuple[Mapping[str, Any] | None, Mapping[str, object], int]
ENDINGS: dict[str, Ending] = {
    "signal": (None, {}, 128 + signal.SIGTERM),
    "key": ({"kind": "answer", "status": 401}, {}, 4),
    "map": (None, {"stream_maps": {"refunds": {"x": "1 / 0"}}}, 1),
    "refused": ({"kind": "answer", "status": 403}, {}, 2),
}


@pytest.mark.promise("tap 7", "However a run ends, its last STATE has what was committed")
@pytest.mark.parametrize("ending", ENDINGS)
def test_however_a_run_ends_a_state_has_what_was_committed(
    ending: str, seeded_sandbox: Sandbox, tmp_path: Path
) -> None:
    """The window of an idle account is no reason for a STATE; then the next stream ends the run."""
    action, settings, code = ENDINGS[ending]
    config = a_config(seeded_sandbox.url, account_ids=[PLATFORM, CONNECTED], streams_at_once=1, **settings)
    first = run_tap(tmp_path, {**config, "stream_maps": {}})
    state = first.states[-1]
    before = bookmarks(state)
    seeded_sandbox.advance(TICK_S)
    if ending == "map":  # a record that the map fails on
        charge = seeded_sandbox.objects("charge")[-1]["id"]
        official(seeded_sandbox).v1.refunds.create({"charge": charge, "amount": 1})
    held = {"kind": "hold"} if ending == "signal" else action
    rules = [{"name": "end", "match": {"path": "/v1/refunds"}, "action": held}] if held else []
    seeded_sandbox.faults(*rules)

    (tmp_path / "state.json").write_text(json.dumps(state))
    line = command("tap_stripe_flow", tmp_path, config, "--state", str(tmp_path / "state.json"))
    output, log = tmp_path / "output", tmp_path / "log"
    running = started(line, tmp_path, clean_env(), given=Path("/dev/null"), output=output, log=log)
    if ending == "signal":
        seeded_sandbox.wait_until_held("end")
        running.send_signal(signal.SIGTERM)
    done = Ended(code=running.wait(60), output=output.read_text(), log=log.read_text())
    seeded_sandbox.faults()

    after = bookmarks(done.states[-1])
    assert done.code == code
    for account in (PLATFORM, CONNECTED):
        charges = Partition("charges", account)
        assert after[charges][END] >= before[charges][END] + TICK_S
        refunds = Partition("refunds", account)
        assert after.get(refunds) == before.get(refunds)


@pytest.mark.promise(
    "tap 7",
    "A run warns if its state was written without `account_ids` and it has them, or the reverse",
)
@pytest.mark.parametrize("had_accounts", [False, True], ids=["without", "with"])
def test_a_state_without_account_ids_is_not_taken_silently_with_it_or_the_reverse(
    seeded_sandbox: Sandbox, tmp_path: Path, *, had_accounts: bool
) -> None:
    plain = a_config(seeded_sandbox.url, capture="changes")
    named = plain | {"account_ids": ["self"]}
    before, after = (named, plain) if had_accounts else (plain, named)

    first = run_tap(tmp_path, before)
    again = run_tap(tmp_path, after, state=first.states[-1])
    both = run_tap(tmp_path, before, state=again.states[-1])

    def warned(done: Ended) -> list[str]:
        return [line for line in done.log.splitlines() if "WARNING" in line and "account_ids" in line]

    (line,) = warned(again)
    assert "charges, refunds" in line
    assert ("restore" if had_accounts else "remove") in line
    assert len(again.records("charges")) == len(first.records("charges"))
    assert warned(first) == warned(both) == []
