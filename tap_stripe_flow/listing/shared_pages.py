"""Pages of lists inside objects that a stream and its child stream both read: requested once, held for the other.

For example `invoices` and `invoice_line_items` read the same lines. A page goes from the stream that requested it to
the other one, once, and only if

- it is at most MOST_AGE_S old. `capture.wanted` takes an object that the list brought at a time t for one that knows
  all events up to t - CLOCKS_S (60 s, `windows.drain`), and follows the later ones. A page that is at most 30 s older
  than its object knows those events, too, and 30 s are left for the difference of Stripe's clocks.
- it was requested after the reader last began to read changed objects again (`SharedReader.begin_reread`): such an
  object is not read again for the events that caused this, so none of its parts may be older than they are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

from stripe_flow.api.clock import elapsed_s
from tap_stripe_flow.listing.record import pack, unpack

# Half of `windows.drain.CLOCKS_S`; the reason is above.
MOST_AGE_S = 30
# The compressed pages of all streams and accounts that are held at most; a page of 100 entries takes about 10 KB.
MOST_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """The body of an answer, and when its request was sent, of `elapsed_s`."""

    body: bytes
    at_s: float


@dataclass(eq=False)
class _Entry:
    """A page that `reader` requested, `begun_s` or later; None: the request failed. The body is compressed."""

    reader: str
    begun_s: float
    answer: Future[Sent | None] = field(default_factory=Future)


class SharedPages:
    """The pages that are held, and the requests for them that are under way. Threads share it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._entries: dict[Hashable, _Entry] = {}
        self._held_bytes = 0
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """How many bytes of compressed pages are held."""
        return self._held_bytes

    def body(self, key: Hashable, reader: str, not_before_s: float, ask: Callable[[], Sent]) -> bytes:
        """The body of the page `key`: that of another reader, or what `ask` answers. Raises what `ask` raises.

        Two readers that ask at the same time wait for one request. If it fails, the other one asks for itself.
        """
        entry, is_own = self._entry(key, reader, not_before_s)
        if is_own:
            return self._ask(key, entry, ask)
        sent = entry.answer.result()
        if sent is None or elapsed_s() - sent.at_s > MOST_AGE_S:
            return ask().body
        return unpack(sent.body)

    def _entry(self, key: Hashable, reader: str, not_before_s: float) -> tuple[_Entry, bool]:
        """The entry of another reader, which is not held any longer; else a new one, which the caller must answer."""
        with self._lock:
            known = self._remove(key)
            if known is not None and known.reader != reader and known.begun_s >= not_before_s:
                return known, False
            entry = self._entries[key] = _Entry(reader, elapsed_s())
            return entry, True

    def _ask(self, key: Hashable, entry: _Entry, ask: Callable[[], Sent]) -> bytes:
        try:
            sent = ask()
        except BaseException:
            with self._lock:
                if self._entries.get(key) is entry:
                    del self._entries[key]
            entry.answer.set_result(None)
            raise
        packed = Sent(pack(sent.body), sent.at_s)
        with self._lock:
            entry.answer.set_result(packed)
            if self._entries.get(key) is entry:
                self._held_bytes += len(packed.body)
                self._drop_oldest()
        return sent.body

    def _drop_oldest(self) -> None:
        """Drop pages that are too old or too many, the oldest first; requests under way stay."""
        for key, entry in list(self._entries.items()):
            sent = entry.answer.result() if entry.answer.done() else None
            if sent is not None and self._held_bytes <= self._most_bytes and elapsed_s() - sent.at_s <= MOST_AGE_S:
                return
            if sent is not None:
                self._remove(key)

    def _remove(self, key: Hashable) -> _Entry | None:
        entry = self._entries.pop(key, None)
        sent = entry.answer.result() if entry is not None and entry.answer.done() else None
        self._held_bytes -= len(sent.body) if sent is not None else 0
        return entry


class SharedReader:
    """The access of one stream and account to shared pages.

    `name` is the stream's; `members` are the members of its objects whose lists another stream reads, too.
    """

    def __init__(self, pages: SharedPages, name: str, members: frozenset[str]) -> None:
        self.members = members
        self._pages = pages
        self._name = name
        self._not_before_s = 0.0

    def begin_reread(self) -> None:
        """Note that objects are read again from now on, after events that are known by now."""
        self._not_before_s = elapsed_s()

    def body(self, key: Hashable, ask: Callable[[], Sent]) -> bytes:
        """See `SharedPages.body`."""
        return self._pages.body(key, self._name, self._not_before_s, ask)
