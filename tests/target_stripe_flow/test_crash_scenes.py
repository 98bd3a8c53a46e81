"""Crash points in scenes of several steps: refused updates, A to B to A, deferred records, objects that are not over.

After any crash at any step, each request is executed once, and the last record of a key is what Stripe has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from target_stripe_flow.actions.policies import OnChange, Policies
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.job import Job
from target_stripe_flow.journal.location import Location, location_of
from tests.kills.target.rows import WAYS
from tests.support.between import Between
from tests.support.postgres import Postgres
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.test_crash_matrix import POINTS, SCOPE, Fuse, a_job, a_run, made, posted

CHANGEABLE = [name for name, spec in ACTIONS.items() if spec.is_changeable]
UPDATING = Policies(on_change=OnChange.UPDATE)
UNDER_UPDATE = {"match": {"method": "POST", "path": "/v1/*/*"}}
REFUSED = {"kind": "answer", "status": 400, "error": {"code": "parameter_invalid", "param": "name"}}
IN_DOUBT = {"kind": "answer", "status": 500, "stored": "fault"}
# Every point with a file, and two of them with a journal on PostgreSQL, where a dead process leaves a lease.
PLACES = [*(("sqlite", point) for point in POINTS), *(("postgresql", point) for point in POINTS[3:6:2])]
EVERY_POINT = pytest.mark.parametrize(("location", "point"), PLACES, indirect=["location"])


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """An empty journal of each kind; the leases of dead processes end soon."""
    if request.param == "sqlite":
        return location_of({"journal_url": f"sqlite:///{tmp_path / 'journal.db'}"})
    server: Postgres = request.getfixturevalue("postgres")
    return location_of({"journal_url": server.database(), "timeout_s": 0.2})


def job_of(action: str, key: str, **record: Any) -> Job:  # Any: JSON
    spec, checker = ACTIONS[action], RecordChecker(ACTIONS[action])
    identity = Identity(scope=SCOPE, action=action, source_key=(key,))
    return Job(spec=spec, identity=identity, parameters=checker.pick(record), checker=checker, unset={})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One record of a key, and the faults that Stripe has while it is first performed."""

    name: str
    faults: Sequence[dict[str, Any]] = ()


def refused(times: int = 1) -> list[dict[str, Any]]:
    return [{**UNDER_UPDATE, "at": "before_execute", "times": times, "action": REFUSED}]


def doubtful(at: str) -> list[dict[str, Any]]:
    return [{**UNDER_UPDATE, "at": at, "times": 1, "action": IN_DOUBT}]


SCENES: dict[str, list[Step]] = {
    "A, B, A": [Step(name="A"), Step(name="B"), Step(name="A")],
    "A, B refused, A": [Step(name="A"), Step(name="B", faults=refused()), Step(name="A")],
    "A, B refused, B": [Step(name="A"), Step(name="B", faults=refused()), Step(name="B")],
    "A, B applied in doubt, A": [Step(name="A"), Step(name="B", faults=doubtful("after_execute")), Step(name="A")],
    "A, B lost in doubt, A": [Step(name="A"), Step(name="B", faults=doubtful("before_execute")), Step(name="A")],
}


@EVERY_POINT
@pytest.mark.parametrize("scene", SCENES)
def test_the_last_record_of_a_key_is_what_stripe_has(
    scene: str, point: str, shared: Sandbox, location: Location
) -> None:
    """The process dies in the second step, which each later run repeats until the records have moved on."""
    action = CHANGEABLE[(POINTS.index(point) + list(SCENES).index(scene)) % len(CHANGEABLE)]
    key = f"{scene} {point} {location}"
    job = job_of(action, key, name=SCENES[scene][0].name)
    for number, step in enumerate(SCENES[scene]):
        shared.faults(*step.faults)
        job = job_of(action, key, name=step.name)
        fuse = Fuse(point if number == 1 else "")
        for pause_s in (0, 60, 11 * 60, 25 * 3600):
            shared.advance(pause_s)
            a_run(shared, location, job, fuse, UPDATING)
        shared.faults()

    [found] = made(shared, job)
    keys = posted(shared, job)
    with location.open_journal() as journal:
        latest = journal.latest(job.identity.digest)
    assert found["name"] == SCENES[scene][-1].name
    assert len(keys) == len(set(keys)), "each key is executed once"
    assert latest is not None
    assert (latest.state, latest.fingerprint) == (State.CREATED, job.fingerprint)


@EVERY_POINT
def test_a_deferred_record_is_made_once(point: str, shared: Sandbox, location: Location) -> None:
    shared.faults({"match": {"method": "POST"}, "at": "after_execute", "times": 1, "action": IN_DOUBT})
    key = f"deferred {point} {location}"
    customer = job_of("customers", key, source="tok_visa")
    charge = job_of("charges", key, amount=900, currency="usd", customer=key)
    fuse, silent = Fuse(point), Fuse("")

    a_run(shared, location, customer, silent, Policies())
    a_run(shared, location, charge, silent, Policies())
    early = made(shared, charge)
    shared.faults()
    for pause_s in (11 * 60, 60, 25 * 3600, 60):
        shared.advance(pause_s)
        a_run(shared, location, charge, fuse, Policies())

    assert early == []
    [found] = made(shared, charge)
    assert found["status"] == "succeeded"
    assert len(posted(shared, charge)) == 1
    assert row(location, charge).state is State.CREATED


@EVERY_POINT
@pytest.mark.parametrize("end", ["succeeded", "failed"])
@pytest.mark.parametrize("way", ["refunds", "charges"])
def test_what_is_not_over_is_made_once_and_ends_as_stripe_says(
    way: str, end: str, point: str, shared: Sandbox, location: Location
) -> None:
    shared.faults()
    job, policies = a_job(shared, way, f"pending {end} {point} {location}")
    path, fuse = ACTIONS[WAYS[way][0]].choose_endpoint(WAYS[way][1] or {}).path, Fuse(point)
    with Between(shared.url, changes={f"{path}*": {"status": "pending"}}) as between:
        behind = cast("Sandbox", between)
        for pause_s in (0, 60, 25 * 3600):
            shared.advance(pause_s)
            a_run(behind, location, job, fuse, policies)
        state = row(location, job).state
        between.changes[f"{path}*"] = {"status": end}
        for _ in range(2):
            a_run(behind, location, job, fuse, policies)

    assert state is State.PROCESSING
    assert row(location, job).state is (State.DECLINED if end == "failed" else State.CREATED)
    assert len(made(shared, job)) == 1
    assert len(posted(shared, job)) == 1


def row(location: Location, job: Job) -> Attempt:
    with location.open_journal() as journal:
        latest = journal.latest(job.identity.digest)
    assert latest is not None
    return latest
