"""When a Stripe list is over: the rule of every reader of lists. It computes the next question and sends nothing.

After `has_more: true` an empty page proves nothing, whatever its own `has_more` says: a cursor inside a crowded second
can hide what follows it. The reader asks again without the cursor, up to and including the cursor's second, and goes on
with what it does not know yet. If Stripe promises more a second time and shows nothing new, the list is unfinished.
https://docs.stripe.com/api/pagination
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

# How often in a row the object at the cursor may turn out to be deleted before anything new is found, and how often the
# object before it is tried. After that the reader asks again without a cursor.
MOST_DELETED, MOST_STEPS_BACK = 20, 5


class Shown(Protocol):
    """What a page shows of one object. `id` is None if it is unreadable, `created` if it is no whole Unix second."""

    @property
    def id(self) -> str | None: ...

    @property
    def created(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A `Shown`."""

    id: str | None
    created: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The next page to request: behind the object `after`, of the objects created at second `until` or earlier.

    `after` None: the first page. `until` None: no bound.
    """

    after: str | None
    until: int | None


class End(Enum):
    """How a list ended: it was shown whole, or it promised more than it showed, and nothing counts as absent."""

    WHOLE = "whole"
    UNFINISHED = "unfinished"


class _EarlierIds:
    """The ids of a long list, 8 bytes each: their hashes. They are looked up only once the list is asked again.

    Of a million ids two have the same hash with a chance of one in ten millions.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._lookup: set[int] | None = None

    def isdisjoint(self, ids: Iterable[str | None]) -> bool:
        return self._lookup is None or self._lookup.isdisjoint(map(hash, ids))

    def add(self, ids: Iterable[str]) -> None:
        if self._lookup is None:
            self._hashes.extend(map(hash, ids))
        else:
            self._lookup.update(map(hash, ids))

    def look_up(self) -> None:
        """Make `isdisjoint` compare; before that it is always true."""
        if self._lookup is None:
            self._lookup, self._hashes = set(self._hashes), array("q")


class ListReading:
    """The progress in one list. `next` is the next question, or the end.

    - `since`, `until`: the range of `created` that the list is filtered by, in Unix seconds, both included.
    - `can_narrow`: Stripe documents that the list is newest first, and it has the filter `created`. The reader then
      asks again from the cursor's second on, as long as the objects do come newest first, and remembers the ids of that
      second only. Otherwise it asks again from the beginning of the list, and remembers all ids.
    """

    def __init__(self, *, since: int | None = None, until: int | None = None, can_narrow: bool = True) -> None:
        self.next: Question | End = Question(None, until)
        self._since, self._first_until, self._until = since, until, until
        self._is_ordered = can_narrow
        self._oldest: int | None = None
        self._known: set[str] = set()
        self._last_known: set[str] = set()
        self._earlier = _EarlierIds()
        self._asked: set[str] = set()
        self._before: list[str] = []
        self._has_seen = self._is_again = self._has_unreadable = False
        self._empty = self._deleted = 0

    def take(self, entries: Sequence[Shown], *, has_more: bool) -> list[int]:
        """Judge the answer to `next`, and set the new `next`. Returns the positions of the objects that are new."""
        asked = self._question()
        shown = [entry.id for entry in entries]
        ids = [object_id for object_id in shown if object_id is not None]
        self._has_seen |= bool(shown)
        self._has_unreadable |= len(ids) < len(shown)
        times = [entry.created for entry in entries]
        self._is_ordered = self._is_ordered and len(ids) == len(shown) and self._goes_on(times)
        new = self._new_positions(shown)
        self._remember(ids, times)
        if new:
            self._empty = self._deleted = 0
        if not has_more and (entries or asked.after is None):
            self._end(is_empty=not entries)
        elif ids and ids[-1] not in self._asked:
            self._before = ids[:-1]
            self._ask_after(ids[-1])
        else:  # more was promised, and nothing leads on
            self._empty += 1
            if self._empty > 1:
                self.next = End.UNFINISHED
            else:
                self._ask_again()
        return new

    def skip_cursor(self) -> bool:
        """Go on without the cursor's object, which Stripe refuses because it was deleted.

        False if that cannot be the reason: there is no cursor, or nothing new was found after many deletions.
        """
        self._deleted += 1
        if self._question().after is None or self._deleted > MOST_DELETED:
            return False
        if not self._is_ordered and self._before and self._deleted <= MOST_STEPS_BACK:
            self._ask_after(self._before.pop())
        else:
            self._ask_again()
        return True

    def _question(self) -> Question:
        if isinstance(self.next, End):
            raise RuntimeError("the list is over: there is no question to answer")  # noqa: TRY004  # not a type
        return self.next

    def _goes_on(self, times: Sequence[int | None]) -> bool:
        """Whether the objects of a page come newest first, and after those of the page before."""
        seconds = [each for each in times if each is not None]
        if not seconds or len(seconds) < len(times):
            return not times
        newest = self._until if self._oldest is None else self._oldest
        is_inside = (self._since or 0) <= seconds[-1] and (newest is None or seconds[0] <= newest)
        return is_inside and seconds == sorted(seconds, reverse=True)

    def _new_positions(self, shown: Sequence[str | None]) -> list[int]:
        """The positions of the ids that are not known, each id once."""
        different = set(shown)
        known = (self._known, self._last_known, self._earlier)
        if len(different) == len(shown) and None not in different and all(each.isdisjoint(different) for each in known):
            return list(range(len(shown)))
        first = {object_id: position for position, object_id in reversed(list(enumerate(shown)))}
        return sorted(
            position
            for object_id, position in first.items()
            if object_id is not None and all(each.isdisjoint((object_id,)) for each in known)
        )

    def _remember(self, ids: Sequence[str], times: Sequence[int | None]) -> None:
        """Note the ids of a page. Of a list that is newest first, those of its oldest second are enough."""
        if not self._is_ordered:
            self._earlier.add(self._last_known)
            self._last_known, self._known = self._known, set(ids)
        elif times:
            self._known = self._known if times[-1] == self._oldest else set()
            self._oldest = times[-1]
            self._known |= {object_id for object_id, second in zip(ids, times, strict=True) if second == self._oldest}

    def _ask_after(self, object_id: str) -> None:
        self._asked.add(object_id)
        self.next = Question(object_id, self._until)

    def _ask_again(self) -> None:
        """Without the cursor: from its second on if the list was newest first so far, else from the beginning."""
        self._until = self._oldest if self._is_ordered and self._oldest is not None else self._first_until
        self._is_again = self._has_seen
        self._earlier.look_up()
        self._asked.clear()
        self._before.clear()
        self.next = Question(None, self._until)

    def _end(self, *, is_empty: bool) -> None:
        if self._has_unreadable or (is_empty and self._is_again):  # it hides even what it has shown before
            self.next = End.UNFINISHED
        elif not self._is_ordered and self._until != self._first_until:  # the narrower range may have hidden objects
            self._ask_again()
        else:
            self.next = End.WHOLE
