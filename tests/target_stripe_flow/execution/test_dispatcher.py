from __future__ import annotations

import random
import threading
from collections import defaultdict
from functools import partial

import pytest

from stripe_flow.api.errors import KeyRefused
from target_stripe_flow.execution.dispatcher import MOST_OPEN, Dispatcher, State


class Book:
    """What the workers and the STATE messages did, in the order in which it happened."""

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
        threading.Event().wait(random.random() / 2000)  # lets the threads change places
        with self._lock:
            for lane in lanes:
                self.running[lane] -= 1
            self.done.append(number)


@pytest.mark.parametrize("seed", range(5))
def test_lanes_keep_their_order_and_states_never_lead(seed: int) -> None:
    chance, book = random.Random(seed), Book()
    dispatcher = Dispatcher(workers=8, emit=book.emit, wake=book.wake)
    given: dict[str, list[int]] = defaultdict(list)

    for number in range(400):
        lanes = [f"lane{chance.randrange(6)}" for _ in range(chance.randrange(3))]
        lanes = list(dict.fromkeys(lanes))
        for lane in lanes:
            given[lane].append(number)
        dispatcher.submit(partial(book.work, number, lanes), lanes)
        dispatcher.state({"before": number + 1})
    dispatcher.flush()
    dispatcher.close()

    assert sorted(book.done) == list(range(400))
    assert book.by_lane == given
    assert not book.overlapped
    assert book.states[-1] == {"before": 400}
    assert all(
        set(range(int(str(state["before"])))) <= set(book.done[:count])
        for state, count in zip(book.states, book.done_at_state, strict=True)
    )


def test_a_state_with_nothing_before_it_leaves_at_once() -> None:
    book = Book()

    Dispatcher(workers=1, emit=book.emit, wake=book.wake).state({"a": 1})

    assert book.states == [{"a": 1}]


def test_states_in_quick_succession_are_printed_once_and_the_last_one_wins() -> None:
    book = Book()
    dispatcher = Dispatcher(workers=1, emit=book.emit, wake=book.wake)

    for number in range(50):
        dispatcher.state({"a": number})
    dispatcher.close()

    assert book.states == [{"a": 0}, {"a": 49}]


def test_a_fatal_error_wakes_the_reader_and_stops_what_waits() -> None:
    book, hold, after = Book(), threading.Event(), threading.Event()
    dispatcher = Dispatcher(workers=1, emit=book.emit, wake=book.wake)

    def refuse() -> None:
        hold.wait(10)
        raise KeyRefused("no")

    dispatcher.submit(refuse, [])
    dispatcher.submit(after.set, [])
    dispatcher.state({"a": 1})
    hold.set()

    with pytest.raises(KeyRefused):
        dispatcher.flush()
    dispatcher.close()
    assert book.woken == 1
    assert not after.is_set()
    assert book.states == []


def test_an_error_of_our_own_does_not_hang_the_run() -> None:
    dispatcher = Dispatcher(workers=1, emit=lambda _: None, wake=lambda: None)

    def stumble() -> None:
        raise KeyError("missing")

    dispatcher.submit(stumble, [])

    with pytest.raises(KeyError):
        dispatcher.flush()


def test_closing_lets_what_is_in_flight_finish_and_begins_nothing() -> None:
    book, started, hold = Book(), threading.Event(), threading.Event()
    dispatcher = Dispatcher(workers=1, emit=book.emit, wake=book.wake)

    def slow() -> None:
        started.set()
        hold.wait(10)
        book.done.append(1)

    dispatcher.submit(slow, [])
    dispatcher.state({"a": 1})
    dispatcher.submit(lambda: book.done.append(2), [])
    dispatcher.state({"a": 2})
    started.wait(10)
    threading.Timer(0.1, hold.set).start()
    dispatcher.close()

    assert book.done == [1]
    assert book.states == [{"a": 1}]


def test_a_wait_for_the_workers_can_be_ended() -> None:
    hold = threading.Event()

    def wait() -> None:
        hold.wait(10)

    def stop() -> None:
        raise SystemExit(143)

    dispatcher = Dispatcher(workers=1, emit=lambda _: None, wake=lambda: None, look_up=stop)
    dispatcher.submit(wait, [])

    with pytest.raises(SystemExit):
        dispatcher.flush()
    hold.set()


def test_input_waits_while_too_much_is_open() -> None:
    hold = threading.Event()
    dispatcher = Dispatcher(workers=1, emit=lambda _: None, wake=lambda: None)
    submitted = []

    def wait() -> None:
        hold.wait(10)

    def feed() -> None:
        for number in range(MOST_OPEN + 50):
            dispatcher.submit(wait, [])
            submitted.append(number)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    feeder.join(0.5)
    at_limit = len(submitted)
    hold.set()
    feeder.join(30)

    assert at_limit == MOST_OPEN
    assert len(submitted) == MOST_OPEN + 50
