"""HTTP/1.1 on sockets, with answers that can be cut or slowed at any byte."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections import deque
from http import HTTPStatus
from typing import cast

import httptools
from typing_extensions import override

from stripe_flow_sandbox.http.control import Control
from stripe_flow_sandbox.http.encoding import encoded
from stripe_flow_sandbox.http.pipeline import Pipeline
from stripe_flow_sandbox.service.exchange import ConnectionCut, Ending, Exchange, Request, Sending
from stripe_flow_sandbox.service.link import PIECE_BYTES

_log = logging.getLogger(__name__)

# Far above any form that Stripe takes; the sandbox resets connections that send more.
MAX_BODY_BYTES = 4 * 1024 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)


class Wire:
    """All connections of a sandbox."""

    def __init__(self, pipeline: Pipeline, control: Control) -> None:
        self.pipeline = pipeline
        self.control = control
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def connect(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self)

    async def cut_all(self, but: Connection | None = None) -> None:
        """Reset all connections, as after the suspension of a machine; running requests continue."""
        for connection in self.connections - {but}:
            connection.end("reset")
        # The event loop closes aborted sockets on its next turn; the caller relies on closed sockets.
        await asyncio.sleep(0)


class Connection(asyncio.Protocol):
    """One connection; pipelined requests are answered one after the other."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._is_busy = False
        self._url = self._body = b""
        self._headers: dict[str, str] = {}
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._wire.connections.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._wire.connections.discard(self)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._write(_head(400, {"Content-Length": "0", "Connection": "close"}))
            self.end("close")

    def on_message_begin(self) -> None:
        """Called by the parser, like the other `on_` methods."""
        self._url = self._body = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > MAX_BODY_BYTES:
            self.end("reset")

    def on_message_complete(self) -> None:
        path, _, query = self._url.partition(b"?")
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path.decode("latin-1"),
            query=query,
            headers=self._headers,
            body=self._body,
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        if not self._is_busy:
            self._is_busy = True
            task = asyncio.get_running_loop().create_task(self._serve())
            self._wire.tasks.add(task)
            task.add_done_callback(self._wire.tasks.discard)

    async def _serve(self) -> None:
        while self._waiting and self._transport:
            request, keeps_alive = self._waiting.popleft()
            try:
                await self._answer(request, keeps_alive=keeps_alive)
            except ConnectionCut as cut:
                self.end(cut.ending)
            except Exception:  # noqa: BLE001 - see below
                # The process edge: a bug of the sandbox must be logged, and must not leave the client waiting.
                _log.exception("the sandbox failed at %s %s", request.method, request.path)
                self.end("close")
        self._is_busy = False

    async def _answer(self, request: Request, *, keeps_alive: bool) -> None:
        if self._wire.control.is_for(request):
            answer = self._wire.control.answer(request)
            if answer.cuts_connections:
                await self._wire.cut_all(but=self)
            head = _head(answer.status, {"Content-Type": "application/json"}, len(answer.body))
            self._write(head + answer.body)
            if answer.cuts_connections:
                self.end("close")
            return
        exchange = await self._wire.pipeline.run(request)
        await self._send(exchange, keeps_alive=keeps_alive)

    async def _send(self, exchange: Exchange, *, keeps_alive: bool) -> None:
        answer, sending = exchange.answered(), exchange.sending
        exchange.entry.status = answer.status
        body, encoding = encoded(answer.body, exchange.request.headers)
        body = body[: sending.truncated_to]
        headers = self._wire.pipeline.service.headers(exchange) | answer.headers | encoding
        if not keeps_alive:
            headers["Connection"] = "close"
        head = _head(answer.status, headers, len(body))
        is_cut = sending.head_bytes is not None or sending.body_bytes is not None
        if sending.head_bytes is not None:
            head, body = _first(head, sending.head_bytes), b""
        elif sending.body_bytes is not None:
            body = _first(body, sending.body_bytes)
        await self._send_bytes(head + body, sending)
        if is_cut or not keeps_alive:
            self.end(sending.ending)

    async def _send_bytes(self, sent: bytes, sending: Sending) -> None:
        size = sending.chunk_bytes or (PIECE_BYTES if sending.link else max(1, len(sent)))
        from_s = time.monotonic()
        for start in range(0, len(sent), size):
            if self._transport is None:
                return
            piece = sent[start : start + size]
            if sending.link:
                from_s = await sending.link.passes(len(piece), from_s)
            self._write(piece)
            if sending.pause_s:
                await asyncio.sleep(sending.pause_s)
                from_s = time.monotonic()

    def _write(self, sent: bytes) -> None:
        if self._transport is not None:
            self._transport.write(sent)

    def end(self, ending: Ending) -> None:
        """Close the connection after the written bytes, or reset it at once, as a crashed machine would."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if ending == "close":
            transport.close()
            return
        connected = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()


def _first(part: bytes, count: int) -> bytes:
    """The first `count` bytes of a part; its first half for a negative count."""
    return part[: count if count >= 0 else len(part) // 2]


def _head(status: int, headers: dict[str, str], body_bytes: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Server: stripe-flow sandbox, not Stripe"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body_bytes is not None:
        lines.append(f"Content-Length: {body_bytes}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
