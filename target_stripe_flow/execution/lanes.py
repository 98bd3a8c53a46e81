"""The lanes of a job: work that shares a lane never overlaps, and is done in the order of the input."""

from __future__ import annotations

from target_stripe_flow.attempts.identity import joined
from target_stripe_flow.attempts.spelling import trimmed
from target_stripe_flow.execution.job import Job
from target_stripe_flow.execution.references import References, own_lane


def lanes_of(job: Job, references: References, match_by: str | None) -> list[str]:
    """Its identity, its object, the objects that it refers to or creates besides, the value it is matched by."""
    if job.objection is not None:  # its parameters are unchecked, and nothing will be sent
        return [own_lane(each) for each in (job.identity, job.twin) if each is not None]
    if job.find_id is not None:
        references.alias(job.identity, job.find_id)
    scope = job.identity.scope
    referenced = [
        lane
        for name, action in job.spec.references.items()
        if name in job.parameters
        # A misspelled one waits for the record that it looks like, so that its message is the same each time.
        for spelling in dict.fromkeys([job.parameters[name], trimmed(job.parameters[name])])
        for lane in references.lanes(scope, action, spelling)
    ]
    besides = [lane for action, stripe_id in job.inline_ids for lane in references.lanes(scope, action, stripe_id)]
    matched = [f"{match_by}:{job.parameters[match_by]}"] if match_by in job.parameters else []
    own = references.lane(scope, job.spec.name, joined(job.identity.source_key))
    return list(dict.fromkeys([own_lane(job.identity), own, *referenced, *besides, *matched]))
