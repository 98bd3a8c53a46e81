"""The outcome of a record: every record has exactly one status."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from stripe_flow.api.errors import Refusal, StripeError


class Status(enum.Enum):
    """The status of a record; the summary lists them in this order."""

    CREATED = "created"
    UPDATED = "updated"
    FOUND = "found"
    UNCHANGED = "unchanged"  # an earlier record or run did it
    IGNORED = "ignored"  # null, or filtered by a stream map
    DECLINED = "declined"  # Stripe declined the payment
    REJECTED = "rejected"  # the record is wrong, or Stripe refused it without effect
    PENDING = "pending"  # the object exists, but the bank or the customer has to act
    UNKNOWN = "unknown"  # it may have happened: a later run checks it
    PARKED = "parked"  # it may have happened: a person has to decide
    DEFERRED = "deferred"  # nothing was sent: it waits for a record that a later run settles

    @property
    def is_reported(self) -> bool:
        """Whether the record is written to the rejects file."""
        return self in {Status.DECLINED, Status.REJECTED}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The status of a record; `field` and `reason` say what to fix.

    `refusal` is Stripe's answer to the write, `lookup_refusal` its answer to a question that came before the write.
    `is_conflict`: the record's idempotency key was used with other bytes. `left_out`: the parameters in which an
    unchanged record differs, and which no update takes.
    """

    status: Status
    stripe_id: str = ""
    field: str = ""
    reason: str = ""
    refusal: Refusal | None = None
    lookup_refusal: Refusal | None = None
    is_conflict: bool = False
    left_out: tuple[str, ...] = ()


class Rejected(Exception):
    """A record that cannot be sent. `field` is a dotted path, empty if the reason is about the whole record."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field

    @property
    def outcome(self) -> Outcome:
        """The outcome of this record, with the status `rejected`."""
        return Outcome(status=Status.REJECTED, field=self.field, reason=str(self), lookup_refusal=_refusal_behind(self))


class InDoubt(Rejected):
    """The record waits for the outcome of another attempt: it is not consumed, and a later run sends it."""

    @property
    def outcome(self) -> Outcome:
        """The outcome of this record in this run, with the status `deferred`."""
        return Outcome(status=Status.DEFERRED, field=self.field, reason=str(self))


class Missing(Rejected):
    """The record refers to one that does not exist yet: the input may still bring it in this run."""


def _refusal_behind(error: BaseException) -> Refusal | None:
    """Stripe's refusal that was being handled when this error was raised; None if there was none."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, StripeError):
            return behind.refusal
        behind = behind.__cause__ or behind.__context__
    return None
