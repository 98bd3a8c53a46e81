"""A bar: a promise about speed or cost, a figure with its bound."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.benchmarks.measuring import Unmeasured

INFINITE = float("inf")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A figure, one value for each round, whose median must be at least `low` and at most `high`."""

    name: str
    says: str
    measure: Callable[[], list[float]]
    low: float = 0
    high: float = INFINITE

    @property
    def bound(self) -> str:
        if (self.low, self.high) == (0, INFINITE):
            return "no bar"
        if self.low == self.high:
            return f"{self.low:g}"
        return f"at least {self.low:g}" if self.high == INFINITE else f"at most {self.high:g}"

    def judge(self) -> Verdict:
        """A bar without a figure is missed."""
        try:
            values = self.measure()
        except Unmeasured as why:
            return Verdict(bar=self, values=[], why=str(why))
        return Verdict(bar=self, values=values)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of a bar; `why` is the reason if there is no figure."""

    bar: Bar
    values: list[float]
    why: str = ""

    @property
    def figure(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def shown(self) -> str:
        return "none" if self.figure is None else f"{self.figure:.4g}"

    @property
    def holds(self) -> bool:
        return self.figure is not None and self.bar.low <= self.figure <= self.bar.high


def once(measure: Callable[[], list[T]]) -> Callable[[], list[T]]:
    """One measurement for all bars that use it; its failure is repeated for each."""
    kept: list[list[T] | Unmeasured] = []

    def measured() -> list[T]:
        if not kept:
            kept.append(_tried(measure))
        if isinstance(kept[0], Unmeasured):
            raise kept[0]
        return kept[0]

    return measured


def _tried(measure: Callable[[], list[T]]) -> list[T] | Unmeasured:
    try:
        return measure()
    except Unmeasured as why:
        return why
