"""Parents whose child objects Stripe refuses or that cannot be read, while one stream and account is read.

One of them does not stop the others: the state moves on, remembers their ids, and each run asks for them again. Where
Stripe refuses the children of all parents, the stream lacks a permission, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stripe_flow.api.errors import PermissionMissing, StripeError
from tap_stripe_flow.listing.refusals import names_permission

# How many ids a state holds for one stream and account.
MOST_REFUSED = 1_000
# So many refusals in a row show that the key lacks the permission that Stripe names: the other parents are not asked.
MANY = 100


@dataclass(frozen=True, kw_only=True)
class RefusalLog:
    """Callbacks: `refused` for each parent (its id) that is refused for the first time, `warn` for a message."""

    refused: Callable[[str, StripeError], None] = lambda _parent_id, _error: None
    warn: Callable[[str], None] = lambda _message: None


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the messages call the objects and what of them cannot be read, and when the forgotten ones are read."""

    objects: str = "parents"
    unread: str = "the child objects"
    later: str = "the child objects of the oldest ones are read when their parents change"


class RefusedParents:
    """The ids of refused parents: those of the state, `known`, and those of this run.

    `is_accepted`: the children of a parent were read in this run.
    """

    def __init__(self, known: Sequence[str], log: RefusalLog, words: Words | None = None) -> None:
        self.is_accepted = False
        self._known = dict.fromkeys(known)
        self._ids = dict.fromkeys(known)
        self._log = log
        self._words = words or Words()
        self._errors: dict[str, StripeError] = {}  # of new ones, until it is clear that not all parents are refused
        self._of_run: set[str] = set()

    @property
    def ids(self) -> tuple[str, ...]:
        """What the state remembers, the oldest first."""
        return tuple(self._ids)[-MOST_REFUSED:]

    @property
    def are_all(self) -> bool:
        """Whether at least one new parent was refused, and no parent accepted."""
        return bool(self._errors)

    def accept(self, parent_id: str) -> None:
        """Note a parent whose children were read."""
        self.forget(parent_id)
        self.note_accepted()

    def forget(self, parent_id: str) -> None:
        """Note a parent that was deleted."""
        self._ids.pop(parent_id, None)

    def note_accepted(self) -> None:
        """Note that Stripe shows the children of some parent, so refusals are about single parents."""
        self.is_accepted = True
        errors, self._errors = self._errors, {}
        for parent_id, error in errors.items():
            self._log.refused(parent_id, error)

    def refuse(self, parent_id: str, error: StripeError) -> None:
        """Note a refused parent. Raises `error` if it shows that the key lacks the permission for all of them."""
        if parent_id not in self._known and parent_id not in self._of_run:
            self._errors[parent_id] = error
        self._ids[parent_id] = None
        self._of_run.add(parent_id)
        if self.is_accepted:
            self.note_accepted()
        elif len(self._errors) >= MANY and all(map(names_permission, self._errors.values())):
            raise error

    def keep_refused(self) -> None:
        """Forget the parents that were not refused in this run, in which all parents were asked: they were deleted."""
        self._ids = {each: None for each in self._ids if each in self._of_run}

    def first_error(self) -> StripeError:
        """The error for a stream of which all parents are refused: a missing permission if there is one."""
        errors = list(self._errors.values())
        return next((each for each in errors if isinstance(each, PermissionMissing)), errors[0])

    def finish(self) -> None:
        """Log what concerns all refused parents together."""
        again, unread = len(self._of_run & self._known.keys()), self._words.unread
        if again:
            self._log.warn(
                f"{self._words.objects} named by earlier runs of which {unread} still cannot be read: {again}"
            )
        if len(self._ids) > MOST_REFUSED:
            self._log.warn(
                f"{self._words.objects} of which {unread} cannot be read: {len(self._ids)}. The state remembers "
                f"{MOST_REFUSED:,} of them: {self._words.later}"
            )
