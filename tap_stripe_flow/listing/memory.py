"""How many bytes of records may wait in memory: one budget for all readers of a run."""

from __future__ import annotations

import threading

# Records wait compressed: this is room for 21,000 charges of a real shop, which are behind a window that takes long.
MOST_WAITING_BYTES = 10 * 2**20


class MemoryBudget:
    """The bytes that wait to be written, and those that requests under way are expected to add. Threads may share it.

    Windows that turn out larger than expected exceed it for a moment. A reader may also exceed it with the oldest
    window of its range: the windows after it wait for it, and would never be written.
    """

    def __init__(self, most_bytes: int = MOST_WAITING_BYTES) -> None:
        self.most_bytes = most_bytes
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many bytes are taken."""
        return self._taken

    def try_take(self, count: int) -> bool:
        """Take `count` bytes if there is room for them; whether there was."""
        with self._lock:
            if self._taken + count > self.most_bytes:
                return False
            self._taken += count
            return True

    def take(self, count: int) -> None:
        """Take `count` bytes, whether there is room for them or not; give them back if `count` is negative."""
        with self._lock:
            self._taken += count
