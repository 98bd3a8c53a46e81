"""A pool of threads whose jobs end with a block, so that none of them runs into the next example of a test."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Any, Self, TypeVar

from typing_extensions import override

from tap_stripe_flow.listing.prefetch import PrefetchPool

T = TypeVar("T")
_LONGEST_S = 60


class JoinedPool(PrefetchPool):
    """`with JoinedPool(4) as pool: …` ends once each job of the pool has ended or was dropped."""

    def __init__(self, threads: int, most_threads: int | None = None) -> None:
        super().__init__(threads, most_threads)
        self._futures: list[Future[Any]] = []  # Any: the results of any jobs

    @override
    def submit(self, job: Callable[[], T]) -> Future[T]:
        future = super().submit(job)
        self._futures.append(future)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert not wait(self._futures, _LONGEST_S).not_done
        self._futures.clear()
