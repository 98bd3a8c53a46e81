"""The records in flight that may change the value that objects are matched by: records that are matched wait for them.

Otherwise chance would decide whether a match is the object that is about to get another value.
"""

from __future__ import annotations

import threading

from target_stripe_flow.actions.policies import OnChange, Policies
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT
from target_stripe_flow.execution.attempt_outcome import with_known_content
from target_stripe_flow.execution.comparison import changed_fields
from target_stripe_flow.execution.job import Job
from target_stripe_flow.execution.references import own_lane
from target_stripe_flow.journal.store import Journal


class MatchChanges:
    """The lanes of these records. Safe to share between threads."""

    def __init__(self, journal: Journal, policies: Policies) -> None:
        self._journal, self._policies = journal, policies
        self._lanes: set[str] = set()
        self._lock = threading.Lock()

    def lanes(self, job: Job, *, is_behind: bool) -> list[str]:
        """The lanes of a job because of its match parameter. `is_behind`: a job of its identity is in flight."""
        name = self._policies.match_by(job.spec)
        if name is None or job.find_id is not None or not {name} & {*job.parameters, *job.unset}:
            return []
        with self._lock:
            before = sorted(self._lanes)
            if self._may_change(job, name, is_behind=is_behind):
                self._lanes.add(_lane_of(job))
                before.append(_lane_of(job))
        return before

    def end(self, job: Job) -> None:
        """The job is done: records that come now need not wait for it."""
        with self._lock:
            self._lanes.discard(_lane_of(job))

    def _may_change(self, job: Job, name: str, *, is_behind: bool) -> bool:
        if self._policies.on_change is not OnChange.UPDATE:
            return False
        made = self._journal.latest(job.identity.digest)
        if is_behind or made is None or made.state not in HAS_OBJECT:
            return is_behind
        known = with_known_content(made, self._journal.latest_update(made.digest))
        return known.field_marks is None or name in changed_fields(job, known, self._journal)


def _lane_of(job: Job) -> str:
    return f"changes {own_lane(job.identity)}"
