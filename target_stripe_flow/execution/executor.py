"""Performs the action of a record once: the journal decides whether anything is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NoUsableAnswer
from target_stripe_flow.actions.policies import OnChange, Policies
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import joined
from target_stripe_flow.attempts.lifecycle import FOR_A_PERSON, HAS_OBJECT, OPEN, Answer, State, on_record
from target_stripe_flow.execution.attempt_outcome import outcome_of_attempt, outcome_of_send, with_known_content
from target_stripe_flow.execution.comparison import conflict, is_same, left_out
from target_stripe_flow.execution.job import Job
from target_stripe_flow.execution.lanes import lanes_of
from target_stripe_flow.execution.match_changes import MatchChanges
from target_stripe_flow.execution.matching import check_searchable, is_ours
from target_stripe_flow.execution.recent_matches import RecentMatches
from target_stripe_flow.execution.references import References
from target_stripe_flow.execution.request_builder import RequestBuilder
from target_stripe_flow.execution.sender import Sender, Sent
from target_stripe_flow.journal.ownership import Superseded
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import InDoubt, Missing, Outcome, Rejected, Status

# Other records refer only to these actions, so only their source keys are remembered.
REFERENCED = {action for spec in ACTIONS.values() for action in spec.references.values()}

# Reads an attempt by its digest (first argument: how, second: which), once no other process owns it.
WaitUntilFree = Callable[[Callable[[str], Attempt | None], str], Attempt | None]


class Executor:
    """Performs jobs. Safe to share between threads; two jobs of one lane must not run at once."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        sender: Sender,
        references: References,
        policies: Policies,
        *,
        matches: RecentMatches,
        wait_until_free: WaitUntilFree,
    ) -> None:
        self._client, self._journal, self._sender, self._references = client, journal, sender, references
        self._policies, self._matches, self._wait_until_free = policies, matches, wait_until_free
        self._requests = RequestBuilder(client, references, policies)
        self._changes = MatchChanges(journal, policies)

    def lanes(self, job: Job, *, is_behind: bool = False) -> list[str]:
        """See `lanes_of` and `MatchChanges`."""
        lanes = lanes_of(job, self._references, self._policies.match_by(job.spec))
        return lanes if job.objection is not None else [*lanes, *self._changes.lanes(job, is_behind=is_behind)]

    def known_outcome(self, job: Job, *, may_refuse: Callable[[], bool]) -> Outcome | None:
        """The outcome that the journal has for this record, or the guards; None if the job has to be performed.

        `may_refuse`: whether what the guards say depends on no earlier record that is not over.
        """
        stripe_id = self._journal.find_object_id(job.identity.digest, job.fingerprint, job.checker.accepted)
        if stripe_id is not None:
            return Outcome(status=Status.UNCHANGED, stripe_id=stripe_id)
        latest, update = self._journal.latest(job.identity.digest), None
        if latest is not None and latest.state in HAS_OBJECT and job.spec.is_changeable:
            update = self._journal.latest_update(job.identity.digest)
        if any(row is not None and self._journal.ownership.names_other_owner(row) for row in (latest, update)):
            return None
        known = self._known(job, latest, update)
        if known is None and job.objection is not None and may_refuse():
            is_behind = job.identity.digest in self._references.unsent
            return None if is_behind else self._refused(job, job.objection)
        # A deferred record is no known one: no STATE may pass it.
        return None if known is None or known.status is Status.DEFERRED else known

    def perform(self, job: Job) -> Outcome:
        """Perform the job, unless the journal says that it is done.

        Raises Missing if the record names one that does not exist yet, AccountTrouble if no record can succeed now.
        """
        while True:
            try:
                outcome = self._perform(job)
            except Superseded:  # another process was faster: judge what it has written
                continue
            finally:
                self._changes.end(job)
            if outcome.status is Status.DEFERRED:
                self._references.unsent.add(job.identity.digest)
            return outcome

    def _perform(self, job: Job) -> Outcome:
        latest, update = self._wait_until_free(self._journal.latest, job.identity.digest), None
        if latest is not None and latest.state in HAS_OBJECT and job.spec.is_changeable:
            update = self._wait_until_free(self._journal.latest_update, job.identity.digest)
        known = self._known(job, latest, update)
        if known is not None:
            return known
        try:
            if job.identity.digest in self._references.unsent:
                raise InDoubt("an earlier record of the same key is deferred, and records of one key keep their order")
            if job.objection is not None:
                return self._refused(job, job.objection)
            match_by = self._policies.match_by(job.spec)
            if match_by in job.parameters and job.find_id is None:
                check_searchable(job.spec.endpoint, str(match_by), job.parameters)
            if latest is not None and latest.state in HAS_OBJECT:
                return self._update(job, latest, update)
            return self._find(job, latest) or self._create(job, latest)
        except Missing:
            raise
        except Rejected as rejected:
            return rejected.outcome
        except NoUsableAnswer as error:  # to a question about this record alone; nothing was sent
            return InDoubt(str(error)).outcome

    def _known(self, job: Job, latest: Attempt | None, update: Attempt | None) -> Outcome | None:
        """`update`: the latest update of the object that `latest` created, if there is one."""
        if latest is None:
            return None
        if update is not None and update.state in OPEN:
            return self._behind(job, update)
        latest = with_known_content(latest, update)
        match on_record(latest.state, is_same=self._is_same(job, latest)):
            case Answer.SEND | Answer.SEND_OPENED:
                return None
            case Answer.KNOWN:
                if latest.fingerprint is None and job.objection is None:
                    self._journal.change(job.adopt(latest), was=latest)
                return outcome_of_attempt(latest)
            case Answer.CHANGED:
                changed = self._changed(job, latest)
                is_kept = changed is not None and changed.status is not Status.REJECTED
                return changed if is_kept or job.objection is None else self._refused(job, job.objection)

    def _refused(self, job: Job, objection: Rejected) -> Outcome:
        """The outcome of a record that must not be sent; it says so if the journal knows its key without padding."""
        refused = objection.outcome
        if job.twin is None or self._journal.latest(job.twin.digest) is None:
            return refused
        return replace(refused, reason=f"{refused.reason}; the journal knows a record by the key without it")

    def _changed(self, job: Job, latest: Attempt) -> Outcome | None:
        if not job.spec.is_changeable or job.find_id is not None or latest.state in FOR_A_PERSON:
            return self._conflict(job, latest)
        if latest.state not in HAS_OBJECT:
            return (
                self._behind(job, latest)
                if self._policies.on_change is OnChange.UPDATE
                else self._conflict(job, latest)
            )
        match self._policies.on_change:
            case OnChange.REJECT:
                return self._conflict(job, latest)
            case OnChange.IGNORE:
                return outcome_of_attempt(latest)
            case OnChange.UPDATE:
                return None

    def _behind(self, job: Job, attempt: Attempt) -> Outcome:
        """The outcome of a record while this attempt of its identity is open."""
        if attempt.state in FOR_A_PERSON or self._is_same(job, attempt):
            return outcome_of_attempt(attempt)
        reason = f"it waits for an earlier record of the same key, whose attempt is {attempt.state.value}"
        return InDoubt(reason).outcome

    def _is_same(self, job: Job, latest: Attempt) -> bool:
        return is_same(job, latest, self._journal, self._policies)

    def _conflict(self, job: Job, latest: Attempt) -> Outcome:
        return conflict(job, latest, self._journal)

    def _find(self, job: Job, latest: Attempt | None) -> Outcome | None:
        """Record an existing object, by its id or by the match parameter; None if the object has to be created."""
        stripe_id, match_by = job.find_id, self._policies.match_by(job.spec)
        if stripe_id is not None:
            try:
                self._references.lookups.find(self._client, job.spec, stripe_id, job.spec.find_by or "")
            except Missing as missing:  # no later record can create an object with this id
                raise Rejected(str(missing), missing.field) from None
        elif match_by in job.parameters:
            stripe_id = self._matches.find(self._client, job.spec, str(match_by), job.parameters)
        if stripe_id is None:
            return None
        # The time of Stripe's last answer, which showed the object.
        found_unix = self._client.clock.now_unix(time.monotonic())
        settled_unix = None if found_unix is None else int(found_unix)
        attempt = replace(job.attempt(latest), state=State.FOUND, stripe_id=stripe_id, settled_unix=settled_unix)
        if latest is not None and latest.state is State.OPENED:
            self._journal.change(attempt, was=latest)
        else:
            self._journal.open_attempt(attempt)
        self._learn(job, stripe_id)
        self._requests.forget(stripe_id)
        return Outcome(status=Status.FOUND, stripe_id=stripe_id)

    def _create(self, job: Job, latest: Attempt | None) -> Outcome:
        attempt, id_parameter = self._requests.creation(job, latest), self._policies.id_parameter(job.spec)
        chosen = [(job.spec.name, joined(job.identity.source_key))] if id_parameter else []
        for action, stripe_id in [*chosen, *job.inline_ids]:
            self._references.lookups.forget(action, stripe_id)
        sent = self._sender.send(attempt, is_new=True)
        if id_parameter is not None and sent.attempt.code == "resource_already_exists":
            sent = self._adopt_existing(job, sent)
        if sent.attempt.state in HAS_OBJECT:
            self._learn(job, str(sent.attempt.stripe_id))
        self._note_sent(job, sent.attempt)
        return outcome_of_send(sent)

    def _adopt_existing(self, job: Job, sent: Sent) -> Sent:
        """The id is in use: take the object if it carries this record's marker. Raises Rejected if it does not."""
        own_id, field = joined(job.identity.source_key), job.spec.id_parameter or ""
        if not is_ours(self._client, job.spec.path, own_id, job.identity.digest, field):
            raise Rejected(
                "its key is the id of another object: change the key, or turn off product_id_from_key",
                field,
            )
        made = replace(sent.attempt, state=State.CREATED, stripe_id=own_id, http_status=None, code=None, param=None)
        self._journal.change(made, was=sent.attempt)
        return Sent(attempt=made)

    def _update(self, job: Job, made: Attempt, last: Attempt | None) -> Outcome:
        if made.source_key is None:  # rebuilt; its content is known once the update is applied
            adopted = replace(job.adopt(made), **made.content())
            self._journal.change(adopted, was=made)
        names = left_out(job, with_known_content(made, last), self._journal)
        attempt = self._requests.update(job, made, last)
        self._requests.forget(made.stripe_id)  # also if the send raises: another process may have updated the object
        sent = self._sender.send(attempt, is_new=True)
        self._note_sent(job, sent.attempt)
        outcome = outcome_of_send(sent)
        if names and outcome.status is Status.UPDATED:  # sent all the same: the marks do not show each change
            return replace(outcome, status=Status.UNCHANGED, left_out=names)
        return outcome

    def _note_sent(self, job: Job, attempt: Attempt) -> None:
        """What later records of this run must see: what the object has now, or may have."""
        self._requests.forget(attempt.stripe_id)
        self._matches.note(attempt, job.parameters | job.unset)

    def _learn(self, job: Job, stripe_id: str) -> None:
        if job.spec.name in REFERENCED:
            self._references.learn(job.identity, stripe_id)
