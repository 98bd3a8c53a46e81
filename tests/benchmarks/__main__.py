"""`make bench`: what the plugins cost, as ratios against a plain baseline in the same run; median of five.

Machines are noisy: only ratios and counts have a bar. Exits 1 if one is missed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.plugins import a_config, a_record, a_schema, run_tap, run_target
from tests.support.sandbox import Sandbox

RUNS = 5
CHARGES = 5_000
ROWS = 300


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A figure and what it must reach: at least `low`, at most `high`."""

    name: str
    measure: Callable[[], float]
    low: float = 0
    high: float = float("inf")

    def holds(self, figure: float) -> bool:
        return self.low <= figure <= self.high


def plain_loop(url: str) -> int:
    """What a script does: one page after the other with `requests`, parsed as JSON."""
    session, after, count = requests.Session(), None, 0
    session.auth = (Sandbox.key, "")
    for _ in range(CHARGES):
        parameters = {"limit": "100"} | ({"starting_after": after} if after else {})
        page = session.get(f"{url}/v1/charges", params=parameters, timeout=60).json()
        count += len(page["data"])
        if not page["has_more"]:
            break
        after = page["data"][-1]["id"]
    return count


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bars(dense: Sandbox, folder: Path) -> list[Bar]:
    config = a_config(dense.url)
    start_up_s = seconds(lambda: run_tap(folder, config, "--discover"))

    def tap_against_loop() -> float:
        ours = seconds(lambda: run_tap(folder, config)) - start_up_s
        return seconds(lambda: plain_loop(dense.url)) / ours

    def requests_per_hundred() -> float:
        before = len(dense.requests())
        records = len(run_tap(folder, config).records("charges"))
        asked = [each for each in dense.requests()[before:] if each["path"] == "/v1/charges"]
        return 100 * len(asked) / records

    def idle_tick() -> float:
        state = run_tap(folder, config).states[-1]
        before = len(dense.requests())
        run_tap(folder, config, state=state)
        return (len(dense.requests()) - before) / 2

    def share_of_the_pace() -> float:
        pace = 50.0
        settings = {"max_requests_per_second": pace, "max_requests_per_second_total": pace}
        records = [a_record("customers", id=number, name="Ann") for number in range(ROWS)]
        with Sandbox() as empty:
            idle_s = seconds(lambda: run_target(folder, a_config(empty.url, **settings), []))
            took_s = seconds(
                lambda: run_target(folder, a_config(empty.url, **settings), [a_schema("customers"), *records])
            )
        return ROWS / (took_s - idle_s) / pace

    return [
        Bar(name="tap: rate, in times of a plain requests loop", measure=tap_against_loop, low=0.3),
        Bar(name="tap: list requests per 100 charges of a backfill", measure=requests_per_hundred, high=2.5),
        Bar(name="tap: list requests per stream of an idle run", measure=idle_tick, high=1),
        Bar(name="target: creates, as a share of the pace", measure=share_of_the_pace, low=0.9),
    ]


def main() -> int:
    with (
        Sandbox("--seed", "1", "--charges", str(CHARGES), "--days", "30") as dense,
        tempfile.TemporaryDirectory() as folder,
    ):
        missed = 0
        for bar in bars(dense, Path(folder)):
            figure = statistics.median(bar.measure() for _ in range(RUNS))
            missed += not bar.holds(figure)
            bound = f"at least {bar.low:g}" if bar.low else f"at most {bar.high:g}"
            print(f"{'PASS' if bar.holds(figure) else 'FAIL'}  {bar.name}: {figure:.2f} ({bound})", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
