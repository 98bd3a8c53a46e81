"""A slow link between the sandbox and its clients, which all connections share."""

from __future__ import annotations

import asyncio
import time

# Answers take turns on the link after so many bytes.
PIECE_BYTES = 16 * 1024


class Link:
    """Bytes pass one after the other, at one rate."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at_s = float("-inf")

    def reserve(self, count: int, from_s: float) -> float:
        """The moment at which `count` bytes that come at `from_s` have passed, behind all that came before them."""
        self._free_at_s = max(self._free_at_s, from_s) + count / self._bytes_per_s
        return self._free_at_s

    async def passes(self, count: int, from_s: float) -> float:
        """Wait until these bytes have passed; returns that moment, in monotonic seconds.

        The bytes behind them come at that moment, however late this wakes: the link is not idle meanwhile.
        """
        passed_s = self.reserve(count, from_s)
        await asyncio.sleep(passed_s - time.monotonic())
        return passed_s
