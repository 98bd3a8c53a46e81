"""When a request may be sent: at its moment of the throttle, and in a slot of the transport."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stripe_flow.api.throttle import Throttle
from stripe_flow.api.transport import Transport


class RunStopping(Exception):
    """The run is stopping, and the request was not sent."""


@contextmanager
def turn(
    account: str | None, operation: str, *, throttle: Throttle, transport: Transport, stopping: threading.Event
) -> Iterator[None]:
    """Wait for the throttle, holding no slot, then for a slot: inside the block one request may be sent.

    If the slot comes too late for the throttle, it is given back, and the request waits for another moment. Raises
    RunStopping.
    """
    with ExitStack() as line:
        if not line.enter_context(throttle.line(account, operation).permit(stopping)):
            raise RunStopping
        now = time.monotonic()
        reservation = throttle.reserve(account, operation, now)
        wait_s = reservation.wait_s(now)
        while not stopping.wait(wait_s):
            with transport.slot(stopping) as has_slot:
                if not has_slot or stopping.is_set():
                    break
                wait_s = throttle.confirm(reservation, time.monotonic())
                if not wait_s:
                    line.close()
                    yield
                    return
    raise RunStopping
