"""What the page shows, as plain values: nothing here knows of SQL or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow_cli.report.outcomes import StateWords


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that is not done; `name` is the KEY that the operator's commands take."""

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
    """All that stands alike: how many, how much money where all of it is open, and the rows that are shown."""

    words: StateWords
    total: int
    amounts: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def unshown(self) -> int:
        return max(0, self.total - len(self.items))


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A stretch of time and what happened in it, by place; places without any are absent."""

    label: str
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """`unit` is a day, week, month or year; what has no time is counted by itself."""

    unit: str
    buckets: tuple[Bucket, ...]
    undated: int


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Money of one day, or of all days, in minor units; None where there is none."""

    day: str
    created: int | None = None
    declined: int | None = None
    open: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One action in one currency: the newest days first. `unshown` are older days, which the total has."""

    action: str
    currency: str
    total: Sums
    days: tuple[Sums, ...]
    unshown: int


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why so many were declined or rejected; `share` is of the most frequent one of its kind."""

    action: str
    code: str
    words: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """`attempts` are all rows of the journal that were asked for; of `money_unknown` it has no amount.

    `sent_since` are lines of the rejects file whose records were sent later.
    """

    journal: str
    made_at: str
    owners: tuple[str, ...]
    attempts: int
    counts: Mapping[str, int]
    groups: tuple[Group, ...]
    timeline: Timeline
    ledgers: tuple[Ledger, ...]
    money_unknown: int
    declines: tuple[Reason, ...]
    rejections: tuple[Reason, ...]
    sent_since: int
    rejects_file: str
    shows_keys: bool
