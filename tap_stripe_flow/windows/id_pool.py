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
    """Counts the ids that each bookmark holds; all together hold at most `most`. Threads may share it."""

    def __init__(self, most: int = MOST_IDS) -> None:
        self.lock = threading.RLock()
        self._most = most
        self._held: dict[Hashable, int] = {}
        self._total = 0

    def hold(self, bookmark: Hashable, count: int) -> None:
        """Note that `bookmark` holds `count` ids now."""
        with self.lock:
            self._total += count - self._held.get(bookmark, 0)
            self._held[bookmark] = count

    def most_for(self, bookmark: Hashable) -> int:
        """How many ids `bookmark` may hold: what the others leave."""
        with self.lock:
            return self._most - self._total + self._held.get(bookmark, 0)


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
