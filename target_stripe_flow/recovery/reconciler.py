"""Reconciles what earlier runs left open, before a run reads input: resends attempts, or scans for their markers."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotSent, Stopped, StripeUnreachable
from target_stripe_flow.actions.endpoint import Endpoint, Made
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import UNKNOWN_FINGERPRINT, Attempt
from target_stripe_flow.attempts.lifecycle import OPEN, PENDING, Do, Event, State, next_step
from target_stripe_flow.execution.dispatcher import Dispatcher
from target_stripe_flow.execution.sender import Sender
from target_stripe_flow.execution.stripe_time import stripe_now_unix
from target_stripe_flow.journal.ownership import Superseded
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.recovery.marker_scan import Scan, check_updates, read_by_id, scan_for_markers

logger = logging.getLogger(__name__)

# How often to check whether another process has released a row: short beside a request, and no load for the database.
WAIT_FOR_OTHERS_S = 0.1
# The reason of a parked attempt that was a conflict; `journal list` shows it beside the id of the object.
FOUND_OF_CONFLICT = "another run made this object under its idempotency key, perhaps for another source"
# How long a resend or a scan may go without a usable answer before a run leaves its rows to the next one: they must not
# hold up the input.
LIMIT_S = 30

Form = Mapping[str, str]  # the parameters of a request, nested ones as `metadata[plan]`


class Reconciler:
    """Reconciles the open attempts of one account and mode, of every source name."""

    def __init__(
        self, client: Client, journal: Journal, sender: Sender, on_sent: Callable[[Attempt, Form], None]
    ) -> None:
        """`on_sent` gets each attempt that was resent, with its outcome, and the parameters of its request."""
        self._client, self._journal, self._sender, self._on_sent = client, journal, sender, on_sent
        self._has_logged_wait = False

    def reconcile(self, account: str, mode: str, dispatcher: Dispatcher) -> Counter[State]:
        """The states, counted, of the open attempts that no other process owns, after they were reconciled.

        Raises what ends a run, such as AccountTrouble.
        """
        rows = self._journal.open_attempts(account, mode)
        if not rows:
            return Counter()
        now_unix = self.now_unix()
        steps = {row.marker: _first_step(row, now_unix) for row in rows}
        for row in rows:
            if steps[row.marker] is Do.RESEND:
                dispatcher.submit(lambda row=row: self._resend(row), _lanes(row))  # type: ignore[misc]
        for rows_of_list in _group_by_list([row for row in rows if steps[row.marker] is Do.SCAN]):
            dispatcher.submit(lambda rows_of_list=rows_of_list: self._scan_for(rows_of_list), [])  # type: ignore[misc]
        dispatcher.flush()
        after = (row for digest in {row.digest for row in rows} for row in self._journal.attempts_of(digest))
        return Counter(row.state for row in after if row.marker in steps)

    def wait_until_free(self, read: Callable[[str], Attempt | None], digest: str) -> Attempt | None:
        """The row that `read` returns for an identity (its latest attempt or update), once no other process owns it.

        Waits while a living process owns the row, and reconciles a row that a dead process left. Raises Stopped, and
        what ends a run.
        """
        while True:
            row = read(digest)
            if row is None or not self._journal.ownership.names_other_owner(row):
                return row
            if self._journal.ownership.expired_lease(row) is None:
                self._wait_for_others()
                continue
            match _first_step(row, self.now_unix()):
                case Do.RESEND:
                    self._resend(row)
                case Do.SCAN:
                    self._scan_for([row])
                case Do.NOTHING:
                    self._release(row)

    def now_unix(self) -> float:
        """Stripe's time in Unix seconds. Sends a request if there was none yet. Raises StripeUnreachable."""
        return stripe_now_unix(self._client)

    def _resend(self, row: Attempt) -> None:
        """Send the stored bytes under the stored idempotency key; never a new attempt."""
        taken = self._journal.take(row)
        if taken is None:
            return
        try:
            sent = self._sender.send(taken.attempt, is_new=False)
        except Superseded:  # another process has settled it
            return
        except (NotSent, StripeUnreachable) as error:
            logger.warning("%s:%s stays open: %s", row.action, row.digest, error)
        else:
            self._on_sent(sent.attempt, _form_of(taken.attempt))

    def _release(self, row: Attempt) -> None:
        taken = self._journal.take(row)
        if taken is not None:
            self._write(taken.attempt, taken.attempt.state, Made(event=Event.SCAN_INCOMPLETE, stripe_id=None), 0)

    def _wait_for_others(self) -> None:
        if not self._has_logged_wait:
            self._has_logged_wait = True
            logger.info("waiting for records that another process owns, or left open when it stopped")
        self._wait(WAIT_FOR_OTHERS_S)

    def _wait(self, seconds: float) -> None:
        if self._client.stopping.wait(seconds):
            raise Stopped(
                "the run stops while it waits for a record that another process owns or may still send", was_sent=False
            )

    def _scan_for(self, open_rows: Sequence[Attempt]) -> None:
        """Scan one list for the rows that no other process owns, and write what was found."""
        all_taken = [taken for row in open_rows if (taken := self._journal.take(row)) is not None]
        if not all_taken:
            return
        # The time before the scan: an object that the scan does not find was absent then.
        now_unix = self.now_unix()
        rows = [taken.attempt for taken in all_taken]
        spec, is_update = ACTIONS[rows[0].action], rows[0].is_update
        endpoint = spec.endpoint_at(rows[0].path)
        wait_s = max(taken.wait_before_scan_s(now_unix) for taken in all_taken)
        if wait_s:
            logger.info("waiting %.0f s until requests of another process that stopped are over", wait_s)
            self._wait(wait_s)
        change = "updated" if is_update else "created"
        logger.info("scanning for %d %s that may have been %s", len(rows), spec.name, change)
        scan = self._scan(endpoint, rows)
        absent = Made(event=Event.ABSENT if scan.is_complete else Event.SCAN_INCOMPLETE, stripe_id=None)
        for row in rows:
            item = scan.found.get(row.marker)
            made = item.made_at(endpoint) if item else absent
            state, _ = next_step(
                row.state,
                made.event,
                row.ages(now_unix),
                moves_money=spec.moves_money,
                is_update=is_update,
                is_conflict=row.is_conflict,
            )
            self._write(row, state, made, now_unix)

    def _scan(self, endpoint: Endpoint, rows: Sequence[Attempt]) -> Scan:
        """What Stripe shows of these rows, which are alike: updates, objects with known ids, or neither."""
        if rows[0].is_update:
            return check_updates(self._client, rows)
        if _is_pending_object(rows[0]):
            return read_by_id(self._client, endpoint, rows)
        return scan_for_markers(self._client, endpoint, rows)

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
        if row.state is State.CONFLICT and state is State.PARKED:
            settled = replace(settled, reason=FOUND_OF_CONFLICT, fingerprint=UNKNOWN_FINGERPRINT)
        if state not in OPEN:
            settled = replace(settled, body=None, settled_unix=int(now_unix))
        if settled != row:
            with contextlib.suppress(Superseded):  # another process has settled it
                self._journal.change(settled, was=row)


def _first_step(row: Attempt, now_unix: float) -> Do:
    # An update has the same first step as a creation.
    _, do = next_step(row.state, Event.RUN_BEGAN, row.ages(now_unix), moves_money=ACTIONS[row.action].moves_money)
    return do


def _group_by_list(rows: Sequence[Attempt]) -> list[list[Attempt]]:
    """The rows in groups, one for each list of Stripe's that is scanned."""
    lists: dict[tuple[str, str, bool, bool], list[Attempt]] = {}
    for row in rows:
        where = ACTIONS[row.action].endpoint_at(row.path).path
        lists.setdefault((row.action, where, row.is_update, _is_pending_object(row)), []).append(row)
    return [lists[key] for key in sorted(lists)]


def _is_pending_object(row: Attempt) -> bool:
    """Whether the object is at Stripe under a known id, and its outcome is not final."""
    endpoint = ACTIONS[row.action].endpoint_at(row.path)
    return row.state in PENDING and endpoint.object_id(row.stripe_id, row.payment_intent) is not None


def _lanes(row: Attempt) -> list[str]:
    """The lanes of a resend: charges of one customer never run at the same time."""
    form, references = _form_of(row), ACTIONS[row.action].references
    named = [f"{action}:{form[name]}" for name, action in references.items() if name in form]
    return [row.digest, *named]


def _form_of(row: Attempt) -> Form:
    return dict(parse_qsl((row.body or b"").decode(), keep_blank_values=True))
