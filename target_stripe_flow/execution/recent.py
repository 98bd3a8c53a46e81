"""A cache of bounded size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

# Each cache keeps this many entries, the ones used last: far more than run at once, and memory stays flat.
MOST_KNOWN = 10_000

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Recent(Generic[K, T]):
    """The values of the `MOST_KNOWN` keys that were used last. Its user has to lock it."""

    def __init__(self) -> None:
        self._values: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K) -> T | None:
        """The value of `key`; None if there is none."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: K, value: T) -> None:
        """Keep `value`, if need be instead of the one that was used least recently."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > MOST_KNOWN:
            self._values.popitem(last=False)

    def forget(self, key: K) -> None:
        """Keep no value of `key`."""
        self._values.pop(key, None)
