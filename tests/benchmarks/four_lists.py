"""Four lists of equal length at the account's rate, which the sandbox enforces."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Unmeasured
from tests.benchmarks.runs import Runs, slow_down
from tests.benchmarks.scale import DAY_S, DAYS
from tests.support.sandbox import Sandbox

# Stream → the type of objects that are made for it; None: the sandbox seeds one with each charge.
LISTS = {"charges": None, "balance_transactions": None, "payouts": "payout", "transfers": "transfer"}
LATENCY_MS = 100
OPERATION_PER_S, TOTAL_PER_S = 25, 100
AT_MOST_S = 240
TOO_MANY = 429


@dataclass(frozen=True, kw_only=True)
class FourLists:
    """Requests per second while all four lists are being read, and the share of requests that were answered 429."""

    per_second: float
    too_many: float


def four_lists(rounds: int, listed: int) -> list[FourLists]:
    """Round by round, each a first run. Raises Unmeasured."""
    with _account(listed) as sandbox, tempfile.TemporaryDirectory() as folder:
        return [_first_run(sandbox, Path(folder) / str(number)) for number in range(rounds)]


def _first_run(sandbox: Sandbox, folder: Path) -> FourLists:
    rates = {"max_requests_per_second": OPERATION_PER_S, "max_requests_per_second_total": TOTAL_PER_S}
    requests = Runs(sandbox, folder, rates, LISTS, at_most_s=AT_MOST_S).run().requests
    refused = sum(each["status"] == TOO_MANY for each in requests)
    return FourLists(per_second=_rate_of_all(requests), too_many=refused / len(requests))


def _rate_of_all(requests: Sequence[Mapping[str, Any]]) -> float:
    """Requests per second between the first request of the last list to begin and the last one of the first to end.

    Of whole seconds, as the sandbox's log has no parts of them. Raises Unmeasured if no list is read beside all others.
    """
    times = [[int(each["time"]) for each in requests if each["path"] == f"/v1/{name}"] for name in LISTS]
    if not all(times):
        raise Unmeasured("not all four lists were read")
    begin, end = max(map(min, times)) + 1, min(map(max, times))
    if begin >= end:
        raise Unmeasured("the four lists were never read at the same time")
    return sum(begin <= int(each["time"]) < end for each in requests) / (end - begin)


@contextmanager
def _account(listed: int) -> Iterator[Sandbox]:
    limits = f"{OPERATION_PER_S},{TOTAL_PER_S}"
    with Sandbox(*f"--seed 1 --charges {listed} --days {DAYS} --limits {limits}".split()) as sandbox:
        for made in filter(None, LISTS.values()):
            sandbox.make(made, listed, every_s=DAYS * DAY_S // listed)
        slow_down(sandbox, LATENCY_MS)
        yield sandbox
