"""The identities with a deferred record: no later record of the same key, and none that refers to it, overtakes it."""

from __future__ import annotations

import threading

# At this number every further record counts as one of them: it is deferred, too, and memory stays flat.
MOST_REMEMBERED = 100_000


class Unsent:
    """The digests of identities whose record this run leaves to a later one. Safe to share between threads."""

    def __init__(self) -> None:
        self._digests: set[str] = set()
        self._lock = threading.Lock()

    def add(self, digest: str) -> None:
        """Remember an identity."""
        with self._lock:
            if len(self._digests) < MOST_REMEMBERED:
                self._digests.add(digest)

    def __contains__(self, digest: str) -> bool:
        """Whether the identity may have a deferred record."""
        with self._lock:
            return digest in self._digests or len(self._digests) >= MOST_REMEMBERED
