"""The records in flight that may change the value that objects are matched by: records that are matched wait for them.

Otherwise chance would decide whether a match is the object that is about to get another value.
"""

from __future__ import annotations

import threading
from itertools import count

from target_stripe_flow.actions.policies import OnChange, Policies
from target_stripe_flow.attempts.lifecycle import HAS_OBJECT
from target_stripe_flow.execution.attempt_outcome import with_known_content
from target_stripe_flow.execution.comparison import changed_fields
from target_stripe_flow.execution.job import Job
from target_stripe_flow.journal.store import Journal


class MatchChanges:
    """The lanes of these records. Safe to share between threads."""

    def __init__(self, journal: Journal, policies: Policies) -> None:
        self._journal, self._policies = journal, policies
        # The lane of each of these jobs, by the job's id in this process: two of one identity have one each.
        self._lanes: dict[int, str] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    def lanes(self, job: Job, *, is_behind: bool) -> list[str]:
        """The lanes of a job because of its match parameter. `is_behind`: a job of its identity is in flight."""
        name = self._policies.match_by(job.spec)
        if name is None or job.find_id is not None or not {name} & {*job.parameters, *job.unset}:
            return []
        with self._lock:
            if self._may_change(job, name, is_behind=is_behind):
                self._lanes[id(job)] = f"changes {next(self._numbers)}"
            return list(self._lanes.values())

    def end(self, job: Job) -> None:
        """The job is done: records that come now need not wait for it."""
        with self._lock:
            self._lanes.pop(id(job), None)

    def _may_change(self, job: Job, name: str, *, is_behind: bool) -> bool:
        if self._policies.on_change is not OnChange.UPDATE:
            return False
        made = self._journal.latest(job.identity.digest)
        if is_behind or made is None or made.state not in HAS_OBJECT:
            return is_behind
        known = with_known_content(made, self._journal.latest_update(made.digest))
        return known.field_marks is None or name in changed_fields(job, known, self._journal)
