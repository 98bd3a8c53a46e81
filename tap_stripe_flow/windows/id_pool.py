"""How many ids the bookmarks of a state may hold together; streams and accounts are read at the same time."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# How many ids a STATE message holds, over all streams and accounts. Each takes 30 bytes, and the message should stay
# under 300 KB.
MOST_IDS = 9_000


class IdPool:
    """Counts the ids that each bookmark holds; all together hold at most `most`. Threads may share it.

    A reader is two batches ahead of the writer at most. So of a bookmark counts the largest of the one that is written
    and those that the reader has committed since the writer last wrote one.
    """

    def __init__(self, most: int = MOST_IDS) -> None:
        self.lock = threading.RLock()
        self._most = most
        self._held: dict[Hashable, int] = {}
        self._newest: dict[Hashable, int] = {}
        self._total = 0

    def hold(self, bookmark: Hashable, count: int) -> None:
        """Note that the newest bookmark of a reader holds `count` ids."""
        with self.lock:
            self._newest[bookmark] = count
            self._set(bookmark, max(count, self._held.get(bookmark, 0)))

    def wrote(self, bookmark: Hashable, count: int) -> None:
        """Note that the bookmark in the state holds `count` ids."""
        with self.lock:
            self._set(bookmark, max(count, self._newest.get(bookmark, 0)))

    def most_for(self, bookmark: Hashable) -> int:
        """How many ids `bookmark` may hold: what the others leave."""
        with self.lock:
            return self._most - self._total + self._held.get(bookmark, 0)

    def _set(self, bookmark: Hashable, count: int) -> None:
        self._total += count - self._held.get(bookmark, 0)
        self._held[bookmark] = count


@dataclass(frozen=True)
class IdShare:
    """The ids of one bookmark in a pool."""

    pool: IdPool
    bookmark: Hashable

    @contextmanager
    def limit(self) -> Iterator[int]:
        """How many ids the bookmark may hold; inside the block no other bookmark of the pool takes any."""
        with self.pool.lock:
            yield self.pool.most_for(self.bookmark)

    def hold(self, count: int) -> None:
        """Note that the bookmark holds `count` ids now."""
        self.pool.hold(self.bookmark, count)
