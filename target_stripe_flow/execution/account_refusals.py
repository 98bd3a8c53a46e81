"""Stops the run if Stripe refuses an action to the account, instead of rejecting every record one by one.

Stripe is withdrawing direct charge creation. https://docs.stripe.com/payments/charges-api
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from stripe_flow.api.errors import AccountTrouble, Refusal
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.results.outcome import Outcome, Status

# After this many records refused with the same error, without a parameter and before any success, the account is the
# cause and not the records.
ALIKE_REFUSALS = 5


class HeldRecord:
    """A refused record that is not counted yet: no STATE passes it."""

    is_barrier = False

    def __init__(self, digest: str, refusal: Refusal, end: Callable[[], None]) -> None:
        self.digest = digest
        self.refusal = refusal
        self.is_over = False
        self._end = end

    def release(self) -> None:
        """Count the record."""
        self._end()
        self.is_over = True


class AccountRefusals:
    """Holds back the first refusals of an action until it is clear whether the account or the records are the cause.

    Safe to share between threads.
    """

    def __init__(self, advice: Mapping[str, str]) -> None:
        """`advice`: what to do if the account refuses an action; records of other actions are never held back."""
        self._advice = advice
        self._held: dict[str, list[HeldRecord]] = {}
        self._accepted: set[str] = set()  # actions that the account may do
        self._lock = threading.Lock()

    def finish(self, spec: ActionSpec, digest: str, outcome: Outcome, end: Callable[[], None]) -> HeldRecord | None:
        """Call `end`, which counts the record, or hold the record back.

        Raises AccountTrouble once `ALIKE_REFUSALS` different records were refused with the same error.
        """
        if not self._advice.get(spec.name) or spec.name in self._accepted:
            end()
            return None
        refusal = _refusal_without_cause(outcome)
        if refusal is not None:
            return self._hold(spec, HeldRecord(digest, refusal, end))
        end()
        if outcome.status in {Status.CREATED, Status.DECLINED, Status.PENDING}:  # Stripe tried to charge
            self.release(spec.name)
        return None

    def release(self, action: str | None = None) -> None:
        """Count the held records of an action (default: of every action), and hold back no more of them."""
        with self._lock:
            names = list(self._held) if action is None else [action]
            released = [record for name in names for record in self._held.pop(name, [])]
            self._accepted.update(names)
        for record in released:
            record.release()

    def _hold(self, spec: ActionSpec, new: HeldRecord) -> HeldRecord:
        with self._lock:
            held = self._held.setdefault(spec.name, [])
            held.append(new)
            kinds = {(each.refusal.http_status, each.refusal.type, each.refusal.code) for each in held}
            is_account_refused = len(kinds) == 1 and len({each.digest for each in held}) >= ALIKE_REFUSALS
        if is_account_refused:
            raise AccountTrouble(
                f"this account may not create {spec.name}: the first {ALIKE_REFUSALS} records were refused with the "
                f"same error {new.refusal.words()}. Stripe lets fewer and fewer accounts create charges directly: "
                f"{self._advice[spec.name]}",
                new.refusal,
            )
        if len(kinds) > 1:
            self.release(spec.name)
        return new


def _refusal_without_cause(outcome: Outcome) -> Refusal | None:
    """The refusal if it names no parameter; None for a conflict and a wrong id, whose cause is the record."""
    refusal = outcome.refusal
    if outcome.status is not Status.REJECTED or refusal is None or refusal.param:
        return None
    return None if refusal.http_status == 404 or "idempotency_error" in {refusal.type, refusal.code} else refusal
