"""Notices an account that may not create charges any more, before all records are rejected one by one.

Stripe is withdrawing direct charge creation. https://docs.stripe.com/payments/charges-api
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from stripe_flow.api.errors import AccountTrouble, Refusal
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.results.outcome import Outcome, Status

# So many orders for money that are all refused alike, with no parameter to blame and no success before, are no
# matter of records: this account may not do it.
ALIKE_REFUSALS = 5


class HeldBack:
    """A record that is done with, but not accounted for yet: no STATE passes it."""

    def __init__(self, digest: str, refusal: Refusal, end: Callable[[], None]) -> None:
        self.digest = digest
        self.refusal = refusal
        self.is_over = False
        self._end = end

    def release(self) -> None:
        self._end()
        self.is_over = True


class AccountRefusals:
    """Holds back the first alike refusals of an action that moves money until it is clear what they mean.

    Safe to share between threads.
    """

    def __init__(self, advice: Mapping[str, str]) -> None:
        """`advice` is what to do where the account is closed to an action; actions without any are never closed."""
        self._advice = advice
        self._held: dict[str, list[HeldBack]] = {}
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def account(self, spec: ActionSpec, digest: str, outcome: Outcome, end: Callable[[], None]) -> HeldBack | None:
        """Call `end`, which accounts for the record, or hold it back. Raises AccountTrouble at the fifth refusal."""
        if not self._advice.get(spec.name) or spec.name in self._open:
            end()
            return None
        refusal = _blames_nothing(outcome)
        if refusal is not None:
            return self._hold(spec, HeldBack(digest, refusal, end))
        end()
        if outcome.status in {Status.CREATED, Status.DECLINED, Status.PENDING}:  # the card was asked
            self.release(spec.name)
        return None

    def release(self, action: str | None = None) -> None:
        """It was a matter of records after all (default: for every action)."""
        with self._lock:
            names = list(self._held) if action is None else [action]
            released = [held for name in names for held in self._held.pop(name, [])]
            self._open.update(names)
        for held in released:
            held.release()

    def _hold(self, spec: ActionSpec, new: HeldBack) -> HeldBack:
        with self._lock:
            held = self._held.setdefault(spec.name, [])
            held.append(new)
            kinds = {(each.refusal.http_status, each.refusal.type, each.refusal.code) for each in held}
            is_closed = len(kinds) == 1 and len({each.digest for each in held}) >= ALIKE_REFUSALS
        if is_closed:
            raise AccountTrouble(
                f"this account may not create {spec.name}: the first {ALIKE_REFUSALS} were all refused alike "
                f"{new.refusal.words()}. Stripe lets fewer and fewer accounts create charges directly: "
                f"{self._advice[spec.name]}",
                new.refusal,
            )
        if len(kinds) > 1:
            self.release(spec.name)
        return new


def _blames_nothing(outcome: Outcome) -> Refusal | None:
    """The refusal that names no parameter and no object; a conflict and a wrong id blame their record."""
    refusal = outcome.refusal
    if outcome.status is not Status.REJECTED or refusal is None or refusal.param:
        return None
    return None if refusal.http_status == 404 or "idempotency_error" in {refusal.type, refusal.code} else refusal
