from __future__ import annotations

import random
import threading
from collections import defaultdict
from functools import partial

import pytest

from stripe_flow.api.errors import KeyRefused
from target_stripe_flow.execution.dispatcher import MOST_OPEN, Dispatcher, State


class Recorder:
    """Records what the workers and the STATE messages did, in order."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.states: list[State] = []
        self.done_at_state: list[int] = []
        self.by_lane: dict[str, list[int]] = defaultdict(list)
        self.running: dict[str, int] = defaultdict(int)
        self.overlapped = False
        self.woken = 0
        self._lock = threading.Lock()

    def emit(self, value: State) -> None:
        self.states.append(value)
        self.done_at_state.append(len(self.done))

    def wake(self) -> None:
        self.woken += 1

    def work(self, number: int, lanes: list[str]) -> None:
        with self._lock:
            for lane in lanes:
                self.running[lane] += 1
                self.overlapped |= self.running[lane] > 1
                self.by_lane[lane].append(number)
        threading.Event().wait(random.random() / 2000)  # lets the threads switch
        with self._lock:
            for lane in lanes:
                self.running[lane] -= 1
            self.done.append(number)


@pytest.mark.promise("target 3", "STATE never precedes its records, and lanes keep their order")
@pytest.mark.parametrize("seed", range(5))
def test_lanes_keep_their_order_and_no_state_is_printed_early(seed: int) -> None:
    chance, recorder = random.Random(seed), Recorder()
    dispatcher = Dispatcher(workers=8, emit=recorder.emit, wake=recorder.wake)
    expected: dict[str, list[int]] = defaultdict(list)

    for number in range(400):
        lanes = [f"lane{chance.randrange(6)}" for _ in range(chance.randrange(3))]
        lanes = list(dict.fromkeys(lanes))
        for lane in lanes:
            expected[lane].append(number)
        dispatcher.submit(partial(recorder.work, number, lanes), lanes)
        dispatcher.state({"before": number + 1})
    dispatcher.flush()
    dispatcher.close()

    assert sorted(recorder.done) == list(range(400))
    assert recorder.by_lane == expected
    assert not recorder.overlapped
    assert recorder.states[-1] == {"before": 400}
    assert all(
        set(range(int(str(state["before"])))) <= set(recorder.done[:count])
        for state, count in zip(recorder.states, recorder.done_at_state, strict=True)
    )


def test_a_lane_that_is_named_twice_counts_once() -> None:
    done = threading.Event()
    dispatcher = Dispatcher(workers=1, emit=lambda _: None, wake=lambda: None)

    dispatcher.submit(done.set, ["a", "a"])

    assert done.wait(10)
    dispatcher.flush()
    dispatcher.close()


def test_a_state_with_no_record_before_it_is_printed_at_once() -> None:
    recorder = Recorder()

    Dispatcher(workers=1, emit=recorder.emit, wake=recorder.wake).state({"a": 1})

    assert recorder.states == [{"a": 1}]


def test_states_in_quick_succession_are_printed_once_and_the_last_one_wins() -> None:
    recorder = Recorder()
    dispatcher = Dispatcher(workers=1, emit=recorder.emit, wake=recorder.wake)

    for number in range(50):
        dispatcher.state({"a": number})
    dispatcher.close()

    assert recorder.states == [{"a": 0}, {"a": 49}]


def test_a_fatal_error_wakes_the_reader_and_stops_waiting_tasks() -> None:
    recorder, release, after = Recorder(), threading.Event(), threading.Event()
    dispatcher = Dispatcher(workers=1, emit=recorder.emit, wake=recorder.wake)

    def refuse() -> None:
        release.wait(10)
        raise KeyRefused("no")

    dispatcher.submit(refuse, [])
    dispatcher.submit(after.set, [])
    dispatcher.state({"a": 1})
    release.set()

    with pytest.raises(KeyRefused):
        dispatcher.flush()
    dispatcher.close()
    assert recorder.woken == 1
    assert not after.is_set()
    assert recorder.states == []


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, GeneratorExit])
def test_an_unexpected_error_does_not_hang_the_run(error: type[BaseException]) -> None:
    dispatcher = Dispatcher(workers=1, emit=lambda _: None, wake=lambda: None)

    def fail() -> None:
        raise error

    dispatcher.submit(fail, [])

    with pytest.raises(error):
        dispatcher.flush()


def test_closing_finishes_tasks_in_flight_and_starts_none() -> None:
    recorder, started, release = Recorder(), threading.Event(), threading.Event()
    dispatcher = Dispatcher(workers=1, emit=recorder.emit, wake=recorder.wake)

    def slow() -> None:
        started.set()
        release.wait(10)
        recorder.done.append(1)

    dispatcher.submit(slow, [])
    dispatcher.state({"a": 1})
    dispatcher.submit(lambda: recorder.done.append(2), [])
    dispatcher.state({"a": 2})
    started.wait(10)
    threading.Timer(0.1, release.set).start()
    dispatcher.close()

    assert recorder.done == [1]
    assert recorder.states == [{"a": 1}]


def test_a_signal_ends_the_wait_for_the_workers() -> None:
    release = threading.Event()

    def wait() -> None:
        release.wait(10)

    def stop() -> None:
        raise SystemExit(143)

    dispatcher = Dispatcher(workers=1, emit=lambda _: None, wake=lambda: None, on_wait=stop)
    dispatcher.submit(wait, [])

    with pytest.raises(SystemExit):
        dispatcher.flush()
    release.set()


def test_input_waits_while_too_many_tasks_are_open() -> None:
    release = threading.Event()
    dispatcher = Dispatcher(workers=1, emit=lambda _: None, wake=lambda: None)
    submitted = []

    def wait() -> None:
        release.wait(10)

    def feed() -> None:
        for number in range(MOST_OPEN + 50):
            dispatcher.submit(wait, [])
            submitted.append(number)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    feeder.join(0.5)
    at_limit = len(submitted)
    release.set()
    feeder.join(30)

    assert at_limit == MOST_OPEN
    assert len(submitted) == MOST_OPEN + 50
