"""A small Stripe made of data, for worlds and answers that the sandbox cannot make. It speaks real HTTP.

    charge = {"id": "ch_1", "object": "charge", "created": 1789999900}
    with Scenes(now=1790000000, lists={"/v1/charges": [charge]}) as stripe:
        first = run_tap(tmp_path, a_config(stripe.url))
        stripe.set(now=1790000600, answers=[Answer(path="/v1/charges", status=403, body=REFUSED)])
        second = run_tap(tmp_path, a_config(stripe.url), state=first.states[-1])

A subclass may override `answer`, which every request goes through, or `page`, which makes the answer of a list.
"""

from __future__ import annotations

import email.utils
import fnmatch
import json
import operator
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

Json: TypeAlias = dict[str, Any]  # Any: JSON, as the tests write it
Said: TypeAlias = tuple[int, Any]  # the HTTP status, and the body: bytes as they are, all else as JSON

MISSING: Json = {
    "error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such object."},
}
REFUSED: Json = {"error": {"type": "invalid_request_error", "message": "Not allowed."}}
NO_CURSOR: Json = {"error": {**MISSING["error"], "param": "starting_after"}}

_FILTERS = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}
_LONGEST_S = 60  # an idle connection is closed after it


@dataclass(kw_only=True)
class Answer:
    """What a path answers instead of its list or object.

    - `path` may hold `*`; `has` and `lacks` are parameters that the request must have or lack; `account` is its
      Stripe-Account.
    - `times` is how many requests it answers; None: all.
    - `status` None: the usual answer; `body` as bytes is sent unchanged.
    - `first_now` sets the clock before the request is answered, `then_now` after that, before the Date is written.
    """

    path: str
    status: int | None = None
    body: Any = None  # Any: JSON or bytes
    times: int | None = None
    has: Collection[str] = ()
    lacks: Collection[str] = ()
    account: str | None = None
    first_now: int | None = None
    then_now: int | None = None

    def fits(self, asked: Asked) -> bool:
        return (
            self.times != 0
            and fnmatch.fnmatchcase(asked.path, self.path)
            and asked.query.keys() >= set(self.has)
            and not asked.query.keys() & set(self.lacks)
            and self.account in {None, asked.account}
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request: `query` holds the last value of each parameter, `types` all values of `types[]`."""

    path: str
    query: Mapping[str, str]
    types: Sequence[str]
    account: str | None
    headers: Mapping[str, str]


class Scenes:
    """A server that ends with the block. `asked` are the requests so far.

    - `now` is its clock in Unix seconds, which goes `pace` seconds a second.
    - `lists` maps a path to its objects. A path after `acct_… ` is that of one account: `acct_1 /v1/charges`.
      An object is shown from `_from` until `_until` (Unix seconds), if it has these members, and without them.
    - `answers` replace the usual answers; the first that fits is taken.
    """

    def __init__(
        self,
        *,
        now: int,
        lists: Mapping[str, Sequence[Any]] | None = None,
        answers: Iterable[Answer] = (),
        pace: float = 0,
    ) -> None:
        self.asked: list[Asked] = []
        self.lists: dict[str, Sequence[Any]] = {}
        self.answers: list[Answer] = []
        self._lock = threading.RLock()
        self.set(now=now, lists=lists, answers=answers, pace=pace)

    def set(
        self,
        *,
        now: int | None = None,
        lists: Mapping[str, Sequence[Any]] | None = None,
        answers: Iterable[Answer] = (),
        pace: float = 0,
    ) -> None:
        """The next scene: lists that it does not name stay, answers do not."""
        with self._lock:
            self._now, self._pace, self._since_s = self.now() if now is None else now, pace, time.monotonic()
            self.lists |= lists or {}
            self.answers = list(answers)

    def now(self) -> int:
        """Unix seconds of its clock."""
        return int(self._now + (time.monotonic() - self._since_s) * self._pace)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"scenes": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="scenes", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def say(self, asked: Asked) -> tuple[int, bytes, int]:
        """The status and body of an answer, and the clock's time after it."""
        with self._lock:
            self.asked.append(asked)
            rule = next((each for each in self.answers if each.fits(asked)), Answer(path="*"))
            if rule.times is not None:
                rule.times -= 1
            self._now = self._now if rule.first_now is None else rule.first_now
            status, body = self.answer(asked) if rule.status is None else (rule.status, rule.body)
            self._now = self._now if rule.then_now is None else rule.then_now
            return status, body if isinstance(body, bytes) else json.dumps(body, indent=2).encode(), self.now()

    def answer(self, asked: Asked) -> Said:
        """The usual answer: a list's page, or an object of a list by its id."""
        if asked.path == "/v1/account":
            return 200, {"id": asked.account or "acct_own", "object": "account"}
        entries = self._entries(asked.account, asked.path)
        if entries is not None:
            return self.page(asked, entries)
        path, _, object_id = asked.path.rpartition("/")
        found = [each for each in self._entries(asked.account, path) or () if _id(each) == unquote(object_id)]
        return (200, self._bare(found[0])) if found else (404, MISSING)

    def page(self, asked: Asked, entries: Sequence[Any]) -> Said:
        """A page of a list, newest first."""
        shown = [each for each in sorted(entries, key=_created, reverse=True) if self._fits(asked, each)]
        after = asked.query.get("starting_after")
        if after is not None:
            places = [place for place, each in enumerate(shown) if _id(each) == after]
            if not places:
                return 400, NO_CURSOR
            shown = shown[places[0] + 1 :]
        most = int(asked.query.get("limit", 10))
        data = [self._bare(each) for each in shown[:most]]
        return 200, {"object": "list", "url": asked.path, "has_more": len(shown) > most, "data": data}

    def _entries(self, account: str | None, path: str) -> Sequence[Any] | None:
        return self.lists.get(f"{account} {path}", self.lists.get(path))

    def _fits(self, asked: Asked, entry: Any) -> bool:  # Any: an object of a list
        if not isinstance(entry, dict):
            return True
        is_shown = entry.get("_from", 0) <= self.now() <= entry.get("_until", 10**12)
        bounds = {name: asked.query.get(f"created[{name}]") for name in _FILTERS}
        in_range = all(_FILTERS[name](_created(entry), int(bound)) for name, bound in bounds.items() if bound)
        return is_shown and in_range and (not asked.types or entry.get("type") in asked.types)

    @staticmethod
    def _bare(entry: Any) -> Any:  # Any: an object of a list
        return {k: v for k, v in entry.items() if k not in {"_from", "_until"}} if isinstance(entry, dict) else entry


def _id(entry: Any) -> object:  # Any: an object of a list, which may be odd
    return entry.get("id") if isinstance(entry, dict) else None


def _created(entry: Any) -> int:  # Any: an object of a list, which may be odd
    created = entry.get("created") if isinstance(entry, dict) else None
    return created if type(created) is int else 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Nothing: a test may kill a reader at any time."""


class _Handler(BaseHTTPRequestHandler):
    scenes: Scenes
    protocol_version = "HTTP/1.1"
    timeout = _LONGEST_S
    wbufsize = -1  # one write for an answer

    def log_message(self, *_: object) -> None:
        """Nothing: the tests read `asked`."""

    def do_GET(self) -> None:  # http.server's name
        parts = urlsplit(self.path)
        pairs = parse_qsl(parts.query)
        asked = Asked(
            path=parts.path,
            query=dict(pairs),
            types=[value for name, value in pairs if name.startswith("types")],
            account=self.headers["Stripe-Account"],
            headers=dict(self.headers),
        )
        status, body, now = self.scenes.say(asked)
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(now, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", f"req_{len(self.scenes.asked)}")
        self.end_headers()
        self.wfile.write(body)
