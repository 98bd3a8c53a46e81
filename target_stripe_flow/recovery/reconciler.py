"""Before a run reads any input: what earlier runs left open is resent, looked for, or left to a person."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import parse_qs

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.errors import PermissionMissing, RequestRefused, Stopped, StripeUnreachable
from target_stripe_flow.actions.endpoint import Made
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import OPEN, Do, Event, State, next_step
from target_stripe_flow.execution.dispatcher import Dispatcher
from target_stripe_flow.execution.sender import Sends
from target_stripe_flow.journal.ownership import Superseded
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.recovery.marker_scan import look, look_at

logger = logging.getLogger(__name__)

# Between two questions whether another process has done with a row: a moment beside a request, and no load.
WAIT_FOR_OTHERS_S = 0.1
_WORDS = {False: "made", True: "updated"}


class Reconciler:
    """For one account and mode, whatever source the rows are of."""

    def __init__(self, client: Client, journal: Journal, sender: Sends) -> None:
        self._client, self._journal, self._sender = client, journal, sender
        self._has_told = False

    def reconcile(self, account: str, mode: str, dispatcher: Dispatcher) -> Counter[State]:
        """How the open rows stand afterwards that no other process has in hand. Raises what ends a run."""
        rows = self._journal.open_attempts(account, mode)
        if not rows:
            return Counter()
        now_unix = self.now_unix()
        steps = {row.marker: _begin(row, now_unix) for row in rows}
        for row in rows:
            if steps[row.marker] is Do.RESEND:
                dispatcher.submit(lambda row=row: self._resend(row), _lanes(row))  # type: ignore[misc]
        to_look_for = [row for row in rows if steps[row.marker] is Do.SCAN]
        for of_one_list in _by_list(to_look_for):
            dispatcher.submit(lambda of_one_list=of_one_list: self._look_for(of_one_list), [])  # type: ignore[misc]
        dispatcher.flush()
        seen = {row.marker for row in rows}
        digests = {row.digest for row in rows}
        return Counter(row.state for each in digests for row in self._journal.all_of(each) if row.marker in seen)

    def when_free(self, of: Callable[[str], Attempt | None], digest: str) -> Attempt | None:
        """What `of` tells of an identity, its latest attempt or update, once no other process has it in hand.

        What a living process has in hand is waited for; what a dead one has left is settled first. Raises Stopped,
        and what ends a run.
        """
        while True:
            row = of(digest)
            if row is None or not self._journal.ownership.is_elsewhere(row):
                return row
            if self._journal.ownership.former_owner(row) is None:
                self._wait_for_others()
                continue
            match _begin(row, self.now_unix()):
                case Do.RESEND:
                    self._resend(row)
                case Do.SCAN:
                    self._look_for([row])
                case Do.NOTHING:
                    self._release(row)

    def now_unix(self) -> float:
        """Stripe's time; asks for it where nothing has been asked yet."""
        if self._client.clock.now_unix(time.monotonic()) is None:
            with contextlib.suppress(PermissionMissing, RequestRefused):  # an answer all the same
                self._client.get(CHECK_PATH)
        now_unix = self._client.clock.now_unix(time.monotonic())
        if now_unix is None:
            raise StripeUnreachable(
                f"Stripe at {self._client.connection.base_url} answers without a Date, so nothing can be settled: "
                "check the setting base_url and the proxy"
            )
        return now_unix

    def _resend(self, row: Attempt) -> None:
        """The stored bytes under the stored key; never another attempt."""
        taken = self._journal.take(row)
        if taken is None:
            return
        with contextlib.suppress(Superseded):  # then it is another process's to settle
            self._sender.send(taken.attempt, is_new=False)

    def _release(self, row: Attempt) -> None:
        taken = self._journal.take(row)
        if taken is not None:
            self._write(taken.attempt, taken.attempt.state, Made(event=Event.SCAN_INCOMPLETE, stripe_id=None), 0)

    def _wait_for_others(self) -> None:
        if not self._has_told:
            self._has_told = True
            logger.info("waiting for records that another process has in hand, or left behind less than a lease ago")
        self._wait(WAIT_FOR_OTHERS_S)

    def _wait(self, seconds: float) -> None:
        if self._client.stopping.wait(seconds):
            raise Stopped("the run is stopping; what another process has in hand was not waited for", was_sent=False)

    def _look_for(self, open_rows: Sequence[Attempt]) -> None:
        """For rows of one list, as far as no other process has them."""
        taken = [each for row in open_rows if (each := self._journal.take(row)) is not None]
        if not taken:
            return
        # From before the look: what is absent is so since then at least.
        now_unix = self.now_unix()
        rows = [each.attempt for each in taken]
        spec, is_update = ACTIONS[rows[0].action], rows[0].is_update
        endpoint = spec.endpoint_at(rows[0].path)
        wait_s = max(each.wait_before_scan_s(now_unix) for each in taken)
        if wait_s:
            logger.info("waiting %.0f s for what another process may still be sending", wait_s)
            self._wait(wait_s)
        logger.info("looking for %d %s that may have been %s", len(rows), spec.name, _WORDS[is_update])
        found = look_at(self._client, rows) if is_update else look(self._client, endpoint.path, rows)
        absent = Made(event=Event.ABSENT if found.is_whole else Event.SCAN_INCOMPLETE, stripe_id=None)
        for row in rows:
            there = found.seen.get(row.marker)
            made = there.made_at(endpoint) if there else absent
            state, _ = next_step(
                row.state, made.event, row.ages(now_unix), moves_money=spec.moves_money, is_update=is_update
            )
            self._write(row, state, made, now_unix)

    def _write(self, row: Attempt, state: State, made: Made, now_unix: float) -> None:
        settled = replace(
            row,
            state=state,
            stripe_id=made.stripe_id or row.stripe_id,
            payment_intent=made.payment_intent or row.payment_intent,
            owner=None,
        )
        if made.money.is_known:
            settled = replace(settled, amount=made.money.amount, currency=made.money.currency)
        if state not in OPEN:
            settled = replace(settled, body=None, settled_unix=int(now_unix))
        if settled != row:
            with contextlib.suppress(Superseded):  # then another process has found out
                self._journal.change(settled, was=row)


def _begin(row: Attempt, now_unix: float) -> Do:
    # Whether it is an update makes no difference yet.
    _, do = next_step(row.state, Event.RUN_BEGAN, row.ages(now_unix), moves_money=ACTIONS[row.action].moves_money)
    return do


def _by_list(rows: Sequence[Attempt]) -> list[list[Attempt]]:
    """Those that are looked for in one place belong together."""
    lists: dict[tuple[str, str, bool], list[Attempt]] = {}
    for row in rows:
        where = ACTIONS[row.action].endpoint_at(row.path).path
        lists.setdefault((row.action, where, row.is_update), []).append(row)
    return [lists[key] for key in sorted(lists)]


def _lanes(row: Attempt) -> list[str]:
    """Charges of one customer never run at once, in a resend as little as in a run."""
    sent = parse_qs((row.body or b"").decode())
    named = [f"{action}:{sent[name][0]}" for name, action in ACTIONS[row.action].references.items() if name in sent]
    return [row.digest, *named]
