"""Stops the run if Stripe refuses an action to the account, instead of rejecting every record one by one.

Such trouble comes as a 400 for each record, like a wrong record. Stripe is withdrawing direct charge creation, for
example: https://docs.stripe.com/payments/charges-api
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from stripe_flow.api.errors import AccountTrouble, Refusal
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.execution.job import Job
from target_stripe_flow.execution.likeness import are_alike, texts_of
from target_stripe_flow.results.outcome import Outcome, Status
from target_stripe_flow.results.refusal_codes import OF_A_CARD, OF_A_RECORD, OF_AN_ACCOUNT

# After this many records that were refused alike, without a parameter or code that names the cause and before any
# success, the account is the cause and not the records. So many different refusals show that the records are.
ALIKE_REFUSALS = 5
# The first records of an action are sent with at most ALIKE_REFUSALS in flight, until one succeeds.
FIRST_RECORDS = 50
# Stripe did what a record asks, or asked the bank.
_ACCEPTED = frozenset({Status.CREATED, Status.UPDATED, Status.DECLINED, Status.PENDING})


class HeldRecord:
    """A refused record that is not counted yet: no STATE passes it."""

    is_barrier = False

    def __init__(self, job: Job, refusal: Refusal, end: Callable[[], None], *, is_lookup: bool) -> None:
        """`is_lookup`: Stripe refused a question that came before the write."""
        self.digest = job.identity.digest
        self.refusal = refusal
        self.is_lookup = is_lookup
        self.texts = texts_of([job.parameters, job.identity.source_key])
        self.is_over = False
        self._end = end

    def release(self) -> None:
        """Count the record."""
        self._end()
        self.is_over = True


@dataclass
class _Watch:
    """What is known of one action: records in flight, how many are over, and the held ones in groups of alike ones."""

    in_flight: int = 0
    over: int = 0
    groups: list[list[HeldRecord]] = field(default_factory=list)
    trouble: AccountTrouble | None = None
    can_read: bool = False  # one look-up has found an object, so refused ones are trouble of their records

    @property
    def is_free(self) -> bool:
        """Whether one more record may be sent."""
        most_alike = max(map(_distinct, self.groups), default=0)
        return self.trouble is not None or self.over >= FIRST_RECORDS or self.in_flight + most_alike < ALIKE_REFUSALS


class AccountRefusals:
    """Holds back the first refusals of an action until it is clear whether the account or the records are the cause.

    Safe to share between threads.
    """

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        """`endpoints`: the endpoint of each action; records of other actions are never held back."""
        self._endpoints = endpoints
        self._watches = {name: _Watch() for name in endpoints}
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, action: str) -> Iterator[None]:
        """Send one record in the block; waits while too many of the first ones are in flight. Raises AccountTrouble."""
        watch = self._watches.get(action)
        if watch is None:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: watch.is_free)
            if watch.trouble is not None:
                raise watch.trouble
            watch.in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                watch.in_flight -= 1
                watch.over += 1
                self._changed.notify_all()

    def finish(self, job: Job, outcome: Outcome, end: Callable[[], None]) -> HeldRecord | None:
        """Call `end`, which counts the record, or hold the record back.

        Raises AccountTrouble once `ALIKE_REFUSALS` different records of the action were refused alike.
        """
        watch, refusal = self._watches.get(job.spec.name), _refusal_without_cause(outcome)
        is_lookup = outcome.refusal is None
        if watch is not None and refusal is not None and not (is_lookup and watch.can_read):
            return self._hold(watch, job.spec, HeldRecord(job, refusal, end, is_lookup=is_lookup))
        end()
        if outcome.status in _ACCEPTED or outcome.left_out:
            self._accept(job.spec.name)
        elif watch is not None and outcome.status is Status.FOUND:
            self._accept_lookups(watch)
        return None

    def release(self) -> None:
        """Count the held records of every action. An action that was refused to the account keeps its own."""
        with self._changed:
            released = [record for watch in self._watches.values() for record in _take(watch)]
        for record in released:
            record.release()

    def _accept(self, action: str) -> None:
        """The account may do this: hold back no more records of the action, and count the held ones."""
        watch = self._watches.get(action)
        if watch is None:
            return
        with self._changed:
            released = _take(watch)
            if watch.trouble is None:
                self._watches.pop(action, None)
                watch.over = FIRST_RECORDS
                self._changed.notify_all()
        for record in released:
            record.release()

    def _accept_lookups(self, watch: _Watch) -> None:
        """The account may read: hold back no more refused look-ups of the action, and count the held ones."""
        with self._changed:
            watch.can_read = True
            if watch.trouble is not None:
                return
            released = [record for group in watch.groups for record in group if record.is_lookup]
            watch.groups = [group for group in watch.groups if not group[0].is_lookup]
            self._changed.notify_all()
        for record in released:
            record.release()

    def _hold(self, watch: _Watch, spec: ActionSpec, new: HeldRecord) -> HeldRecord:
        with self._changed:
            group = next((group for group in watch.groups if _belongs(new, group)), None)
            if group is None:
                watch.groups.append(group := [])
            group.append(new)
            if watch.trouble is None and _distinct(group) >= ALIKE_REFUSALS:
                watch.trouble = _describe(spec, self._endpoints[spec.name], new.refusal, is_lookup=new.is_lookup)
                self._changed.notify_all()
            if watch.trouble is not None:
                raise watch.trouble
        if len(watch.groups) >= ALIKE_REFUSALS:
            self._accept(spec.name)
        return new


def _take(watch: _Watch) -> list[HeldRecord]:
    """Remove and return the held records, unless they are left to the next run."""
    if watch.trouble is not None:
        return []
    groups, watch.groups = watch.groups, []
    return [record for group in groups for record in group]


def _belongs(new: HeldRecord, group: list[HeldRecord]) -> bool:
    first = group[0]
    return new.is_lookup is first.is_lookup and are_alike(new.refusal, first.refusal, new.texts | first.texts)


def _distinct(group: list[HeldRecord]) -> int:
    return len({record.digest for record in group})


def _refusal_without_cause(outcome: Outcome) -> Refusal | None:
    """The refusal, unless it names a parameter, or its code or status says that the record is the cause."""
    refusal = outcome.refusal or outcome.lookup_refusal
    if outcome.status is not Status.REJECTED or refusal is None or refusal.param:
        return None
    is_of_record = refusal.code in OF_A_CARD or refusal.code in OF_A_RECORD or outcome.is_conflict
    is_of_record |= refusal.http_status == 404 or "idempotency_error" in {refusal.type, refusal.code}
    return None if is_of_record else refusal


def _describe(spec: ActionSpec, endpoint: Endpoint, refusal: Refusal, *, is_lookup: bool) -> AccountTrouble:
    verb = "read what is needed for" if is_lookup else "create or update" if spec.is_changeable else "create"
    known = OF_AN_ACCOUNT.get(refusal.code)
    cause = known or (
        "Stripe names no field, so the account or the API key is the cause: find the request in the Stripe dashboard "
        "(Developers, Logs), and check the account, api_key and account_id"
    )
    advice = f"; or {endpoint.advice}" if endpoint.advice and not is_lookup else ""
    return AccountTrouble(
        f"this account may not {verb} {spec.name}: the first {ALIKE_REFUSALS} records were refused alike "
        f"{refusal.words()}. None of these records was consumed. {cause[0].upper()}{cause[1:]}{advice}. Then run again",
        refusal,
    )
