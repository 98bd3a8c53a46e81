"""The share of its allowed requests per second that the target uses for creates, and the cost of its journal."""

from __future__ import annotations

import json
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests.benchmarks.measuring import Contender, Reading, measure
from tests.benchmarks.plugins import DONE, launcher_command, write_input
from tests.support.plugins import Message, a_config, a_record, command
from tests.support.sandbox import Sandbox

LIMIT_PER_S = 20
FAR_MS = 300
AT_MOST_S = 120


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Creates per second with the journal and without; commits per record, with the default concurrency and alone."""

    kept: float
    forgotten: float
    commits: float
    commits_alone: float


def shares_of_the_limit(rounds: int, rows: int) -> list[float]:
    """Charges per second, from the first to the last one, as shares of the limit. Raises Unmeasured."""
    return [_share(rows) for _ in range(rounds)]


def costs(rounds: int, rows: int) -> list[Cost]:
    """Round by round, with and without the journal in turn. Raises Unmeasured."""
    return [_cost(rows) for _ in range(rounds)]


def _share(rows: int) -> float:
    """Each charge names another customer by Stripe's id, which the target checks at Stripe first."""
    # The limit of all endpoints together is not reached: a check and a create per record are 40 a second.
    limits = {"max_requests_per_second": LIMIT_PER_S, "max_requests_per_second_total": 4 * LIMIT_PER_S}
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        named = enumerate(_customers(sandbox, rows))
        charges = [a_record("charges", id=number, amount=1_000, currency="usd", customer=who) for number, who in named]
        line = command("target_stripe_flow", Path(folder), a_config(sandbox.url, **limits))
        return _measured(sandbox, Path(folder), line, charges, FAR_MS).requests_per_s / LIMIT_PER_S


def _cost(rows: int) -> Cost:
    kept, commits = _kept(rows)
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        line = launcher_command(Path(folder), a_config(sandbox.url), "forget")
        forgotten = _measured(sandbox, Path(folder), line, _new_customers(rows)).requests_per_s
    _, commits_alone = _kept(rows // 4, concurrency=1)
    return Cost(kept=kept, forgotten=forgotten, commits=commits, commits_alone=commits_alone)


def _kept(rows: int, **settings: object) -> tuple[float, float]:
    """Creates per second, and commits per record."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        counted = Path(folder) / "commits"
        line = launcher_command(Path(folder), a_config(sandbox.url, **settings), "count", str(counted))
        reading = _measured(sandbox, Path(folder), line, _new_customers(rows))
        return reading.requests_per_s, int(counted.read_text(encoding="utf-8")) / rows


def _measured(
    sandbox: Sandbox, folder: Path, line: Sequence[str], records: Iterable[Message], latency_ms: int = 0
) -> Reading:
    target = Contender(
        name="target",
        sandbox=sandbox,
        command=line,
        at_most_s=AT_MOST_S,
        must_finish=True,
        mark=DONE,
        requests={"method": "POST"},
        stdin=write_input(folder / "input.jsonl", records),
    )
    return measure(target, latency_ms)


def _new_customers(rows: int) -> list[Message]:
    return [a_record("customers", id=number, name="Ann") for number in range(rows)]


def _customers(sandbox: Sandbox, count: int) -> list[str]:
    """The ids of new customers with a card. Without the official client, whose memory would count as its children's."""
    connection = HTTPConnection(sandbox.url.removeprefix("http://"))
    credentials = b64encode(f"{sandbox.key}:".encode()).decode()
    made = []
    for _ in range(count):
        connection.request("POST", "/v1/customers", "source=tok_visa", {"Authorization": f"Basic {credentials}"})
        made.append(json.load(connection.getresponse())["id"])
    connection.close()
    return made
