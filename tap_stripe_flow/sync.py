"""Reads all streams and accounts side by side, and writes what they read: the only writer of RECORD and STATE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol, TypeVar

from stripe_flow.api.errors import StripeFlowError
from tap_stripe_flow.event_followers import followers
from tap_stripe_flow.run import Interruption, Run
from tap_stripe_flow.side_by_side import SideBySide, Step
from tap_stripe_flow.state_output import StateOutput
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.stream_reader import StreamReader
from tap_stripe_flow.windows.batch import Batch
from tap_stripe_flow.windows.plan import DAY_S


def sync_streams(
    streams: Sequence[Engine], run: Run, output: StateOutput, interruption: Interruption, at_once: int
) -> None:
    """Read `streams`, `at_once` of them and of their accounts at a time, and write their SCHEMA messages first.

    Raises OutputLost; SystemExit after a signal, or for an error that ends the run.
    """
    readers = longest_first([reader for stream in streams for reader in stream.readers()])
    run.shared_events.plan(followers(readers))
    with ExitStack() as metrics, SideBySide(readers, StreamReader.batches, at_once) as reading:
        for stream in streams:  # while the first requests are on their way
            metrics.push(stream.begin())
        while not reading.is_done:
            with interruption.allowed():
                step = reading.next_step(output.due_in_s())
            try:
                if step is not None:
                    _write(step, reading)
                output.write_if_due()
            except StripeFlowError as error:
                run.stop(error)


def _write(step: Step[StreamReader, Batch], reading: SideBySide[StreamReader, Batch]) -> None:
    reader, error = step.reader, step.error
    if step.item is not None:
        try:
            reader.write(step.item)
        except Exception as failed:  # noqa: BLE001  # of this stream and account alone, unless `end` raises it again
            error = failed
        else:
            reading.written(step)
            return
        reading.abandon(step.lane)
    reader.end(error)


R = TypeVar("R", bound="Begun")


class Begun(Protocol):
    """A reader, as much as the order of readers needs."""

    @property
    def read_until(self) -> object: ...

    @property
    def is_by_parent(self) -> bool: ...


def longest_first(readers: Sequence[R]) -> list[R]:
    """The readers in their order, but before them those of lists that were not read for days, or never.

    Of these begin first the child streams that need a request for each parent.
    """
    newest = max((each.read_until for each in readers if isinstance(each.read_until, int)), default=0)

    def weight(reader: R) -> tuple[float, bool]:
        if isinstance(reader.read_until, int):  # less than a day before the others', the list is as short as theirs
            return (newest - reader.read_until) // DAY_S, False
        return math.inf, reader.is_by_parent

    return sorted(readers, key=weight, reverse=True)
