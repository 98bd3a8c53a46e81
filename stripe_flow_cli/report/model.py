"""What the page shows, as plain values without SQL or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow_cli.report.outcomes import StateWords


@dataclass(frozen=True, kw_only=True)
class Item:
    """A record that is not done; `name` is the KEY that the journal commands take."""

    name: str
    action: str
    when: str = ""
    amount: str = ""
    reason: str = ""
    owner: str = ""
    stripe_id: str = ""
    request_id: str = ""
    line: int | None = None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Group:
    """The records of one state: their number, the sums of money if the state is open, and the rows that are listed."""

    words: StateWords
    total: int
    amounts: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def unshown(self) -> int:
        """How many records are counted but not listed."""
        return max(0, self.total - len(self.items))


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A day, week, month or year, and its attempts by status; a status without attempts is absent."""

    label: str
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Attempts over time; `unit` is day, week, month or year, `undated` counts attempts without a valid time."""

    unit: str
    buckets: tuple[Bucket, ...]
    undated: int


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Money of one day, or of all days, in minor units; None where there is no such attempt."""

    day: str
    created: int | None = None
    declined: int | None = None
    open: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One action in one currency, the newest days first. `unshown` counts older days that only the total includes."""

    action: str
    currency: str
    total: Sums
    days: tuple[Sums, ...]
    unshown: int


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason of declines or rejections; `share` is its count divided by the highest count in the same table."""

    action: str
    code: str
    words: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """All figures. `attempts` counts the journal's selected rows, `counts` the same by status, `money_unknown` those
    without an amount. `orders` counts records, by the status of their latest attempt.

    `sent_since` counts lines of the rejects file whose records were sent later.
    """

    journal: str
    made_at: str
    owners: tuple[str, ...]
    attempts: int
    counts: Mapping[str, int]
    orders: Mapping[str, int]
    groups: tuple[Group, ...]
    timeline: Timeline
    ledgers: tuple[Ledger, ...]
    money_unknown: int
    declines: tuple[Reason, ...]
    rejections: tuple[Reason, ...]
    sent_since: int
    rejects_file: str
    shows_keys: bool
