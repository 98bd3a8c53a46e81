"""Writes Singer messages to standard output as whole lines.

`sys.stdout.buffer` is unbuffered under PYTHONUNBUFFERED, as is usual in containers. A signal can then cut a write short
without an error, and the next message continues the broken line. The buffer here writes until everything is out.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import Message, RecordMessage

from stripe_flow.api.errors import OutputLost
from stripe_flow.singer.live_line import live_line_erased
from stripe_flow.singer.standard_streams import CLOSED, describe_lost

# One system call for about twenty full-size charges; a larger buffer gains nothing measurable.
BUFFER_BYTES = 64 * 1024


class LineWriter(MsgSpecWriter):
    """Collects RECORD messages until `flush`; any other message (SCHEMA, STATE) is written at once, after them.

    `records_out` and `record_bytes_out` count the RECORD messages on standard output, and their bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records_out = self.record_bytes_out = 0
        self._pending = bytearray()
        self._records_pending = 0

    def write_message(self, message: Message) -> None:
        """Write a message, or collect it if it is a RECORD."""
        line = self.format_message(message)
        if not isinstance(message, RecordMessage):
            self.write_line(line)
            return
        self._pending += line
        self._records_pending += 1
        if len(self._pending) >= BUFFER_BYTES:
            self.flush()

    def write_line(self, line: bytearray) -> None:
        """Write the line of a message that is no RECORD, after all that is pending. Raises OutputLost."""
        self.flush()
        write_whole(line)

    def write_records(self, stream: str, records: Iterable[tuple[bytes | memoryview, str]]) -> None:
        """Write a RECORD message for each pair of a record, as JSON bytes, and its `time_extracted`."""
        pending = self._pending
        for raw, time_extracted in records:
            before, after = _record_frame(stream, time_extracted)
            pending += before
            pending += raw
            pending += after
            self._records_pending += 1
            if len(pending) >= BUFFER_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write all that is pending. Raises OutputLost."""
        size = len(self._pending)
        write_whole(self._pending)
        self.record_bytes_out += size
        self.records_out += self._records_pending
        self._records_pending = 0


@functools.lru_cache(maxsize=64)
def _record_frame(stream: str, time_extracted: str) -> tuple[bytes, bytes]:
    """The bytes before and after the record in a RECORD message."""
    before = b'{"type":"RECORD","stream":' + msgspec.json.encode(stream) + b',"record":'
    return before, b',"time_extracted":' + msgspec.json.encode(time_extracted) + b"}\n"


def write_whole(data: bytearray) -> None:
    """Write all of `data` to standard output and empty `data`; a signal delays the write but does not cut it short.

    Raises OutputLost when the reader has closed the pipe, or when standard output cannot be written.
    """
    if sys.stdout is None:
        raise OutputLost(CLOSED)
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # a test's in-memory stream has no descriptor
        sys.stdout.buffer.write(data)
        data.clear()
        return
    try:
        with live_line_erased():
            while data:
                written = os.write(descriptor, data)
                del data[:written]
    except OSError as error:
        raise OutputLost(f"{describe_lost(error)}; what was not written is not counted as done") from None
