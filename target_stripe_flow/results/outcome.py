"""Where a record ends: in exactly one place."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from stripe_flow.api.errors import Refusal


class Status(enum.Enum):
    """The order is that of the summary."""

    CREATED = "created"
    UPDATED = "updated"
    FOUND = "found"
    UNCHANGED = "unchanged"  # done before
    IGNORED = "ignored"  # null, or filtered by a stream map
    DECLINED = "declined"  # the card said no
    REJECTED = "rejected"  # the record is wrong, or Stripe refused it without effect
    PENDING = "pending"  # it is at Stripe and not over: the bank or the customer has to act
    UNKNOWN = "unknown"  # it may have happened: a later run finds out
    PARKED = "parked"  # it may have happened, and a person has to find out

    @property
    def is_reported(self) -> bool:
        """Whether the record goes to the rejects file, for a person to look at."""
        return self in {Status.DECLINED, Status.REJECTED}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a record; `field` and `reason` say what to mend."""

    status: Status
    stripe_id: str = ""
    field: str = ""
    reason: str = ""
    refusal: Refusal | None = None


class Rejected(Exception):
    """A record that cannot be sent; `field` is dotted, empty for the record as a whole."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field

    @property
    def outcome(self) -> Outcome:
        return Outcome(status=Status.REJECTED, field=self.field, reason=str(self))


class Missing(Rejected):
    """It names a record that has not come yet: it may come later in the same run."""
