"""The order in which threads pass, and that one operation's requests do not wait behind all of another's."""

from __future__ import annotations

import threading
import time

import pytest

from stripe_flow.api.line import Line
from stripe_flow.api.throttle import FEWEST_AHEAD, Throttle
from stripe_flow.api.transport import Transport
from stripe_flow.api.turn import turn

JOIN_S = 20


def wait_until_waiting(line: Line, count: int) -> None:
    for _ in range(JOIN_S * 1_000):
        if len(line._waiting) == count:  # noqa: SLF001  # nothing else shows that a thread waits
            return
        time.sleep(0.001)
    raise AssertionError(f"not {count} threads are waiting")


@pytest.mark.parametrize("most", [1, 3])
def test_threads_pass_in_the_order_in_which_they_came(most: int) -> None:
    line, order, stopping = Line(most), list[int](), threading.Event()
    lock = threading.Lock()
    gates = [threading.Event() for _ in range(8)]

    def use(number: int) -> None:
        with line.permit(stopping) as has_permit:
            assert has_permit
            with lock:
                order.append(number)
            gates[number].wait(JOIN_S)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for number, thread in enumerate(threads):
        thread.start()
        wait_until_waiting(line, max(0, number + 1 - most))
    for number, gate in enumerate(gates):
        while len(order) < min(8, number + most):
            time.sleep(0.001)
        assert len(order) <= number + most
        gate.set()
    for thread in threads:
        thread.join(JOIN_S)

    assert sorted(order[:most]) == list(range(most))
    assert order[most:] == list(range(most, 8))
    assert line.is_idle


def test_who_waits_leaves_the_line_when_the_run_is_stopping() -> None:
    line, stopping, found = Line(1), threading.Event(), list[bool]()

    def use() -> None:
        with line.permit(stopping) as has_permit:
            found.append(has_permit)

    waiting = threading.Thread(target=use)
    with line.permit(stopping):
        waiting.start()
        wait_until_waiting(line, 1)
        stopping.set()
        waiting.join(JOIN_S)

    assert found == [False]
    assert line.is_idle


def test_one_operation_does_not_wait_behind_all_requests_of_another() -> None:
    """The account's rate is used up by the first operation alone, of which thirty requests wait."""
    throttle, stopping, order = Throttle(per_operation_per_s=50, total_per_s=50), threading.Event(), list[str]()
    transport = Transport("http://127.0.0.1:1", timeout_s=1)
    many, one, most_ahead = "GET /v1/charges/{id}", "GET /v1/refunds", max(FEWEST_AHEAD, 5)

    def ask(operation: str) -> None:
        with turn("acct_1", operation, throttle=throttle, transport=transport, stopping=stopping):
            order.append(operation)

    threads = [threading.Thread(target=ask, args=(many,)) for _ in range(30)]
    for thread in threads:
        thread.start()
    while len(order) < 5:
        time.sleep(0.001)
    before = len(order)
    threads.append(threading.Thread(target=ask, args=(one,)))
    threads[-1].start()
    for thread in threads:
        thread.join(JOIN_S)

    assert order.index(one) <= before + 2 * most_ahead
    assert len(order) == 31
