"""Reads Singer messages line by line, as bytes. Errors name a bad line by its number and never show it.

A signal or a fatal error ends the wait for input at once: both write a byte into a pipe that the reader also polls.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any, NoReturn

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow import lenient_json

CHUNK = 1 << 16
# How often `on_tick` is called while no input arrives.
TICK_S = 0.5


class BadInput(Misconfigured):
    """The input cannot be read further. The message names the line by its number and never shows it."""


class Wake:
    """A pipe that ends a wait for input; safe to call from a signal handler and from any thread."""

    def __init__(self) -> None:
        self.reading_end, self._writing_end = os.pipe()
        os.set_blocking(self._writing_end, False)

    def __call__(self) -> None:
        """End the current or the next wait."""
        try:
            os.write(self._writing_end, b"!")
        except BlockingIOError:  # the pipe is full of such bytes already
            return


class MessageReader(GenericSingerReader[bytes]):
    """Counts lines. `unreadable` is what cannot be read of the record in the current line.

    Calls `on_wake` between lines, which may raise, and `on_tick` while no input arrives.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = 0
        self.unreadable: lenient_json.Unreadable | None = None
        self.wake = Wake()
        self.on_wake: Callable[[], None] = lambda: None
        self.on_tick: Callable[[], None] = lambda: None

    @property
    def default_input(self) -> Any:  # Any: whatever standard input is
        return sys.stdin

    def process_lines(self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]) -> Any:
        source = file_input or self.default_input
        if source is None:
            raise BadInput("there is no standard input: it was closed. Pipe a tap's output in, or name a file: --input")
        return super().process_lines(_Lines(self, source), callbacks)  # type: ignore[arg-type]  # only iterated

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """The message in a line. Raises BadInput.

        NaN, Infinity and lone surrogates are accepted here: the record is rejected later, and the run goes on. So it
        does after a record with a value that Python cannot read, which `unreadable` then names.
        """
        self.unreadable = None
        try:
            message = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = self._decode_leniently(line)
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            self.refuse("is not a Singer message: a JSON object with a type is expected")
        if message["type"] == "RECORD" and "record" not in message:  # null: a stream map has removed the record
            self.refuse("is a RECORD without a record")
        return message

    def _decode_leniently(self, line: bytes) -> Any:  # Any: JSON
        try:
            message = lenient_json.decode(line)
        except ValueError:  # an error of JSON or UTF-8, whose text quotes the line
            cut = "" if line.endswith(b"\n") else ", and it has no end: the input was cut, so its writer was stopped"
            self.refuse(f"is not JSON in UTF-8 ({len(line)} bytes){cut}")
        match message:
            case {"type": "RECORD", "record": dict(record)}:
                self.unreadable = lenient_json.find_unreadable(record)
            case dict() if unreadable := lenient_json.find_unreadable(message):
                self.refuse(unreadable.reason)
        return message

    def refuse(self, what: str) -> NoReturn:
        """Raise BadInput for the current line; `what` says what is wrong with it."""
        raise BadInput(
            f"line {self.line} of the input {what}. Nothing after it was read: fix or rerun the program that writes it"
        )

    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        self.refuse(f"has the unknown message type {message_dict['type'][:30]!r}")


class _Lines:
    """The lines of a file or a pipe without blank ones. Text of a test's in-memory stream is encoded as UTF-8."""

    def __init__(self, reader: MessageReader, source: IO[Any]) -> None:
        self._reader, self._source = reader, source

    def __iter__(self) -> Iterator[bytes]:
        try:
            lines = self._from_descriptor(self._source.fileno())
        except (OSError, ValueError):  # a test's in-memory stream
            lines = (line.encode() if isinstance(line, str) else line for line in self._source)
        for line in lines:
            self._reader.on_wake()
            self._reader.line += 1
            if line.strip():
                yield line

    def _from_descriptor(self, descriptor: int) -> Iterator[bytes]:
        rest = bytearray()
        while True:
            self._wait(descriptor)
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                break
            searched = len(rest)
            rest += chunk
            end = rest.rfind(b"\n", searched)
            if end >= 0:
                yield from (line + b"\n" for line in bytes(rest[:end]).split(b"\n"))
                del rest[: end + 1]
        if rest:
            yield bytes(rest)

    def _wait(self, descriptor: int) -> None:
        # Not `select`: it fails for descriptors above 1023, which a process that embeds the target may have.
        wake, poll = self._reader.wake.reading_end, select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            self._reader.on_wake()
            ready = {number for number, _ in poll.poll(TICK_S * 1000)}
            if wake in ready:
                os.read(wake, CHUNK)
            elif ready:
                return
            else:
                self._reader.on_tick()
