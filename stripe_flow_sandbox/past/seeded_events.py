"""The events of a seeded account's last 30 days, made from its objects when somebody asks for one.

Nothing is stored but their order. What an event shows is the object as it was then: a charge before its refund, say.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from stripe_flow_sandbox.answers.blanks import Form, digits, quoted
from stripe_flow_sandbox.answers.codec import decode, encode
from stripe_flow_sandbox.answers.ids import seeded_id, seeded_index
from stripe_flow_sandbox.answers.versions import is_older, shown_in
from stripe_flow_sandbox.objects.resources.events import KEPT_S
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.past.chapters import Chapter
from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.state.order import Order

# A prime beyond any number of events: multiplying by it shuffles them without two of them falling together.
_STEP = 2_147_483_647


class SeededEvents:
    """Events by number. Numbers are shuffled, because Stripe keeps no order inside one second."""

    def __init__(self, past: Past, chapters: Sequence[Chapter], api_version: str, *, livemode: bool) -> None:
        """Events older than 30 days before the sandbox's start do not exist, also if its clock is set back."""
        self._label = f"{past.label}/event"
        self._chapters = chapters
        self._api_version = api_version
        self._livemode = livemode
        since = past.now - KEPT_S
        # Of each chapter: its first object that is not too old, and how many events come before it.
        self._firsts = [bisect_left(range(len(each.objects)), since, key=each.objects.created) for each in chapters]
        kept = [len(each.objects) - first for each, first in zip(chapters, self._firsts, strict=True)]
        self._starts = list(accumulate(kept, initial=0))
        self._count = self._starts.pop()
        self._step_back = pow(_STEP, -1, max(1, self._count))

    def __len__(self) -> int:
        return self._count

    def order(self) -> Order:
        bits = self._count.bit_length()
        # Each chapter is in order already, so that sorting is little more than merging.
        keys = sorted(second << bits | number for second, number in self._seconds())
        mask = (1 << bits) - 1
        return Order(array("q", (key >> bits for key in keys)), array("q", (key & mask for key in keys)))

    def id_of(self, index: int) -> str:
        return seeded_id("event", self._label, index)

    def index_of(self, object_id: str) -> int | None:
        index = seeded_index("event", self._label, object_id)
        return index if index is not None and index < self._count else None

    def created(self, index: int) -> int:
        chapter, told = self._told(index)
        return chapter.objects.created(told)

    def body(self, index: int) -> bytes:
        chapter, told = self._told(index)
        shown = chapter.body(told)
        if is_older(self._api_version):
            shown = encode(shown_in(self._api_version, decode(shown)))
        return self._form.fill(
            {
                b"id": quoted(self.id_of(index)),
                b"created": digits(chapter.objects.created(told)),
                b"type": quoted(chapter.type_of(told)),
                b"object": shown,
            }
        )

    def value(self, field: str, index: int) -> str | None:
        if field == "pending_webhooks":
            return "0"
        chapter, told = self._told(index)
        return chapter.type_of(told) if field == "type" else None

    @cached_property
    def _form(self) -> Form:
        facts = {"api_version": self._api_version, "livemode": self._livemode, "data": {"object": "{{object}}"}}
        return Form(fresh("event") | facts | {name: f"{{{{{name}}}}}" for name in ("id", "created", "type")})

    def _seconds(self) -> Iterator[tuple[int, int]]:
        """(second, number) of every event, chapter by chapter."""
        place = 0
        for chapter, first in zip(self._chapters, self._firsts, strict=True):
            for told in range(first, len(chapter.objects)):
                yield chapter.objects.created(told), place * _STEP % self._count
                place += 1

    def _told(self, index: int) -> tuple[Chapter, int]:
        """What the event of this number is about: the chapter, and which of its objects."""
        place = index * self._step_back % self._count
        chapter = bisect_right(self._starts, place) - 1
        return self._chapters[chapter], self._firsts[chapter] + place - self._starts[chapter]
