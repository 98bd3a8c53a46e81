"""A server between a client and the sandbox: it closes connections, and changes answers as the sandbox cannot."""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

# Not passed on. Without `Accept-Encoding` answers come plain, so that they can be changed.
_OWN_HEADERS = {"connection", "content-length", "transfer-encoding", "accept-encoding"}


@dataclass
class Between:
    """Passes requests on to the server at `upstream`.

    `closes`: each answer closes its connection. `changes`: pattern of a path → members that are set in the object, or
    in each object of the list, that an answer to such a path holds.
    """

    upstream: str
    closes: bool = False
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: list[tuple[str, str]] = field(default_factory=list)  # method and path with its query

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"between": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # readers are killed here
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def changed(self, path: str, body: bytes) -> bytes:
        """The body of an answer to `path`, with the members that are set there."""
        members = next((each for pattern, each in self.changes.items() if fnmatchcase(path, pattern)), None)
        if not members:
            return body
        whole = json.loads(body)
        for each in whole["data"] if whole.get("object") == "list" else [whole]:
            each.update(members)
        return json.dumps(whole).encode()


class _Handler(BaseHTTPRequestHandler):
    between: ClassVar[Between]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:  # the standard library's name
        self.between.heard.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        upstream = http.client.HTTPConnection(str(urlsplit(self.between.upstream).netloc), timeout=60)
        sent = {name: value for name, value in self.headers.items() if name.lower() not in {*_OWN_HEADERS, "host"}}
        upstream.request(self.command, self.path, body, sent)
        answer = upstream.getresponse()
        content = answer.read()
        if answer.status == 200:
            content = self.between.changed(urlsplit(self.path).path, content)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OWN_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        if self.between.closes:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    do_POST = do_DELETE = do_GET  # noqa: N815  # the standard library's names
