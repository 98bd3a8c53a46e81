"""Singer messages onto standard output, whole lines only.

`sys.stdout.buffer` is unbuffered under PYTHONUNBUFFERED, as is usual in containers: a write that a signal interrupts
is then cut short without an error, and the next message continues the broken line. The buffer here writes on until
all of it is out.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import Message, RecordMessage

from stripe_flow.api.errors import Misconfigured
from stripe_flow.singer.live_line import lifted

# One system call for about twenty full-size charges; more gains nothing measurable.
BUFFER_BYTES = 64 * 1024


class LineWriter(MsgSpecWriter):
    """Records are collected until `flush`; any other message (SCHEMA, STATE) goes out at once, with all before it.

    `records_out` counts the records that standard output has taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records_out = 0
        self._pending = bytearray()
        self._records_pending = 0

    def write_message(self, message: Message) -> None:
        self._pending += self.format_message(message)
        self._records_pending += isinstance(message, RecordMessage)
        if len(self._pending) >= BUFFER_BYTES or not isinstance(message, RecordMessage):
            self.flush()

    def write_records(self, stream: str, records: Iterable[tuple[bytes | memoryview, str]]) -> None:
        """RECORD messages around records that are lines of JSON already, each with its `time_extracted`."""
        pending = self._pending
        for raw, time_extracted in records:
            head, tail = _around(stream, time_extracted)
            pending += head
            pending += raw
            pending += tail
            self._records_pending += 1
            if len(pending) >= BUFFER_BYTES:
                self.flush()

    def flush(self) -> None:
        """Hand all that is pending to the reader; raises BrokenPipeError where there is none any more."""
        write_whole(self._pending)
        self.records_out += self._records_pending
        self._records_pending = 0


@functools.lru_cache(maxsize=64)
def _around(stream: str, time_extracted: str) -> tuple[bytes, bytes]:
    """What stands before and behind the record."""
    head = b'{"type":"RECORD","stream":' + msgspec.json.encode(stream) + b',"record":'
    return head, b',"time_extracted":' + msgspec.json.encode(time_extracted) + b"}\n"


def write_whole(data: bytearray) -> None:
    """All of `data` onto standard output, and out of `data`; a signal in between delays it but cuts nothing."""
    if sys.stdout is None:
        raise Misconfigured("standard output is closed, and messages go there: run it with one, a file or a pipe")
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # a test's in-memory stream has no descriptor
        sys.stdout.buffer.write(data)
        data.clear()
        return
    try:
        with lifted():
            while data:
                written = os.write(descriptor, data)
                del data[:written]
    except BrokenPipeError:
        raise  # the reader is gone
    except OSError as error:
        why = (error.strerror or "").lower()
        raise Misconfigured(
            f"standard output takes no more ({why}), and messages go there: mend that and run again; what it has not "
            "taken is not counted as done"
        ) from None
