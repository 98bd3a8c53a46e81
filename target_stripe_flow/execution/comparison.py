"""Compares a record with the one that was sent for the same identity, by the parameters that were accepted then."""

from __future__ import annotations

import json
from typing import cast

from target_stripe_flow.actions import fingerprint
from target_stripe_flow.actions.policies import OnChange, Policies
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT
from target_stripe_flow.attempts.shown_key import shown_object_id
from target_stripe_flow.execution.attempt_outcome import outcome_of_attempt
from target_stripe_flow.execution.job import Job
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.outcome import Outcome, Status


def is_same(job: Job, latest: Attempt, journal: Journal, policies: Policies) -> bool:
    """Whether the record is the one that was sent."""
    if latest.fingerprint is None:  # rebuilt from the marker, which holds no fingerprint: an update makes sure
        can_update = job.spec.is_changeable and job.find_id is None and latest.state in HAS_OBJECT
        return not can_update or policies.on_change is not OnChange.UPDATE
    shape = _older_shape(job, latest, journal)
    if shape is not None:
        return fingerprint.digest(fingerprint.restrict(job.parameters, shape)) == latest.fingerprint
    return job.fingerprint == latest.fingerprint


def conflict(job: Job, latest: Attempt, journal: Journal) -> Outcome:
    """The outcome of a record that differs from the one that was sent: it names the fields that differ."""
    if latest.is_conflict:
        return outcome_of_attempt(latest)
    made = f" ({shown_object_id(latest.stripe_id)})" if latest.stripe_id else ""
    fields = changed_fields(job, latest, journal)
    where = f" in {', '.join(fields)}" if fields else ""
    can_update = job.spec.is_changeable and job.find_id is None
    advice = (
        "set on_change to update to change the object, or to ignore to leave it as it is"
        if can_update
        else "nothing is changed at Stripe. Send the first values again"
    )
    reason = (
        f"it differs{where} from what was sent under the same key before{made}: {advice}. If it is a new record, give "
        "it a new key"
    )
    return Outcome(status=Status.REJECTED, reason=reason)


def left_out(job: Job, latest: Attempt, journal: Journal) -> tuple[str, ...]:
    """The parameters in which a changed record differs if an update takes none of them; else empty."""
    fields = changed_fields(job, latest, journal)
    return () if job.checker.updatable(dict.fromkeys(fields)) else tuple(fields)


def changed_fields(job: Job, latest: Attempt, journal: Journal) -> list[str]:
    """The names of the parameters that differ; none where an earlier release has sent the record."""
    if latest.field_marks is None:
        return []
    shape = _older_shape(job, latest, journal)
    content = job.content if shape is None else fingerprint.restrict(job.content, shape)
    shape = job.checker.shape if shape is None else shape
    return fingerprint.changed_fields(content, shape, latest.digest, latest.field_marks)


def _older_shape(job: Job, latest: Attempt, journal: Journal) -> fingerprint.Shape | None:
    """The parameters that were accepted when the attempt was sent; None if they are today's or not known."""
    if latest.accepted is None or latest.accepted == job.checker.accepted:
        return None
    text = journal.shape_of(latest.accepted)
    return None if text is None else cast("fingerprint.Shape", json.loads(text))
