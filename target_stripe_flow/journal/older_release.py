"""Processes of an older release that still use a shared journal: it is not migrated below them.

A process that lives extends its lease, several times in each. One that was killed does not, and its lease ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, inspect

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.migrations import LEASE_TABLES

# How often to read the leases again. An extended one shows within an eighth of `timeout_s`.
POLL_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class OlderLease:
    """The lease of a process: its host name and pid, the end of the lease, and the seconds until then."""

    process: str
    alive_until_unix: float
    lasts_s: float


def lock_older_leases(writer: Connection) -> Mapping[str, OlderLease]:
    """The leases that last, by owner. No process can take one until the transaction of `writer` ends."""
    table = next(name for name in LEASE_TABLES if inspect(writer).has_table(name))
    writer.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    owner = table.removesuffix("s")
    found = writer.exec_driver_sql(
        f"SELECT {owner}, process, alive_until_unix, alive_until_unix - extract(epoch FROM clock_timestamp()) "  # noqa: S608  # only our own names
        f"FROM {table} WHERE alive_until_unix > extract(epoch FROM clock_timestamp())"
    )
    return {row[0]: OlderLease(process=row[1], alive_until_unix=float(row[2]), lasts_s=float(row[3])) for row in found}


def wait_for_older(name: str, before: Mapping[str, OlderLease], now: Mapping[str, OlderLease]) -> float:
    """Seconds to wait until the leases are read again (pure).

    Raises Misconfigured if one was extended since `before`, or is new: its process lives.
    """
    alive = [
        lease
        for owner, lease in now.items()
        if before and (owner not in before or lease.alive_until_unix > before[owner].alive_until_unix)
    ]
    if alive:
        raise Misconfigured(
            f"the journal {name} is of an older release and in use by {_processes(alive)}: end all processes of the "
            "older release, then run again"
        )
    return min(POLL_EVERY_S, max(lease.lasts_s for lease in now.values()))


def describe_wait(name: str, leases: Mapping[str, OlderLease]) -> str:
    """The log line for a wait."""
    longest_s = max(lease.lasts_s for lease in leases.values())
    return (
        f"the journal {name} is of an older release, and {_processes(list(leases.values()))} may still use it: waiting "
        f"up to {longest_s:.0f} s until its lease ends"
    )


def _processes(leases: list[OlderLease]) -> str:
    return ", ".join(sorted(f"process {lease.process}" for lease in leases))
