"""Crash points by actions by faults of the server: after any crash and any answer, one identity has one object.

A crash is an exception here that nothing catches, so that all combinations can be tried; `test_crashes` kills real
processes at the same points. Objects are counted in the sandbox.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from stripe_flow.api.errors import StripeFlowError
from stripe_flow.api.transport import RawAnswer, Transport
from target_stripe_flow.actions.policies import Policies
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import MARKER, Identity, Scope
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.dispatcher import Dispatcher
from target_stripe_flow.execution.executor import Executor
from target_stripe_flow.execution.job import Job
from target_stripe_flow.execution.recent_matches import RecentMatches
from target_stripe_flow.execution.references import References
from target_stripe_flow.execution.sender import Sender
from target_stripe_flow.journal.lease import Lease
from target_stripe_flow.journal.location import File, Location, location_of
from target_stripe_flow.journal.ownership import Ownership
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.recovery.reconciler import Reconciler
from tests.kills.target.rows import TYPES, WAYS, fields_of
from tests.stripe_flow.api.builders import a_client
from tests.support.postgres import Postgres
from tests.support.sandbox import PLATFORM, Sandbox

SCOPE = Scope(account=PLATFORM, mode="test", source_name="default")
# Every way of every action, and declined charges.
CASES = [*WAYS, "declined charges", "declined payment_intents"]


def answered(status: int, at: str, stored: str | None = None, *, times: int = 1, **headers: str) -> dict[str, Any]:
    code = {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}} if status == 409 else {}
    action: dict[str, Any] = {"kind": "answer", "status": status, **code}
    if stored:
        action["stored"] = stored
    if headers:
        action["headers"] = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"at": at, "times": times, "action": action}


FAULTS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "409": answered(409, "before_read", times=2),
    "429": answered(429, "before_read", times=2),
    "500 without effect": answered(500, "before_execute", "fault"),
    "500 with effect": answered(500, "after_execute", "fault"),
    "500 with effect, resend allowed": answered(500, "after_execute", "real", Stripe_Should_Retry="true"),
    "503": answered(503, "after_execute", "real"),
    "503 without effect, resend forbidden": answered(503, "before_execute", Stripe_Should_Retry="false"),
    "503 with effect, resend forbidden": answered(503, "after_execute", "real", Stripe_Should_Retry="false"),
    "cut before it was executed": {"at": "before_execute", "times": 1, "action": {"kind": "cut"}},
    "cut after it was executed": {"at": "after_execute", "times": 1, "action": {"kind": "cut", "ending": "reset"}},
}


class Died(BaseException):
    """The process has died."""


class Fuse:
    """Raises Died at a point, once."""

    def __init__(self, point: str) -> None:
        self._point = point
        self.is_blown = False

    def at(self, point: str) -> None:
        if point == self._point and not self.is_blown:
            self.is_blown = True
            raise Died(point)


def make_mortal(journal: Journal, fuse: Fuse) -> None:
    """Make the journal one of a process that may die before or after each write."""
    opened, changed = journal.open_attempt, journal.change

    def open_attempt(attempt: Attempt) -> None:
        fuse.at("before the intent")
        opened(attempt)
        fuse.at("after the intent")

    def change(attempt: Attempt, *, was: Attempt) -> None:
        is_outcome = attempt.state is not State.INTENT
        if is_outcome:
            fuse.at("answer received but not written")
        changed(attempt, was=was)
        if is_outcome:
            fuse.at("outcome written but not reported")

    for name, mortal in (("open_attempt", open_attempt), ("change", change)):
        setattr(journal, name, mortal)


class MortalTransport(Transport):
    """The real transport, in a process that may die before or after each request."""

    fuse: Fuse

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, **more: Any
    ) -> RawAnswer:  # Any: passed on
        if method == "POST":
            self.fuse.at("while sending")
        answer = super().exchange(method, url, headers, body, **more)
        if method == "POST":
            self.fuse.at("executed but the answer lost")
        return answer


POINTS = [
    "before the intent",
    "after the intent",
    "while sending",
    "executed but the answer lost",
    "answer received but not written",
    "outcome written but not reported",
    "reported but STATE not printed",
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def a_run(sandbox: Sandbox, location: Location, job: Job, fuse: Fuse, policies: Policies) -> None:
    """One process: reconciles what is open, then performs the job."""
    client = a_client(sandbox.url, concurrency=2)
    transport = MortalTransport(sandbox.url, timeout_s=10)
    transport.fuse = fuse
    client = replace(client, transport=transport)
    with location.open_journal() as journal:
        make_mortal(journal, fuse)
        sender = Sender(client, journal)
        matches = RecentMatches(policies)
        reconciler = Reconciler(client, journal, sender, matches.note)
        dispatcher = Dispatcher(workers=1, emit=lambda _state: None, wake=lambda: None)
        try:
            reconciler.reconcile(SCOPE.account, SCOPE.mode, dispatcher)
            references = References(journal)
            free = reconciler.wait_until_free
            executor = Executor(client, journal, sender, references, policies, matches=matches, wait_until_free=free)
            executor.perform(job)
            fuse.at("reported but STATE not printed")
        except StripeFlowError:
            return
        except Died:
            stop_renewing(journal.ownership)
        finally:
            dispatcher.stop()


def stop_renewing(ownership: Ownership) -> None:
    """Leave the lease of a dead process: it is neither renewed nor released."""
    if isinstance(ownership, Lease):
        ownership._is_released.set()  # noqa: SLF001  # a real kill would do it
        setattr(ownership, "release", lambda: None)  # noqa: B010  # mypy refuses the assignment


def a_job(sandbox: Sandbox, case: str, key: str) -> tuple[Job, Policies]:
    way = case.removeprefix("declined ")
    action, chosen = WAYS[way]
    record = fields_of(sandbox, action) | ({"source": "tok_chargeDeclined"} if way != case else {})
    checker = RecordChecker(ACTIONS[action])
    identity = Identity(scope=SCOPE, action=action, source_key=(key,))
    spec = ACTIONS[action]
    job = Job(spec=spec, identity=identity, parameters=checker.pick(record), checker=checker, unset={})
    return job, Policies(
        endpoints={name: each.endpoint for name, each in ACTIONS.items()} | {action: spec.choose_endpoint(chosen)}
    )


def made(sandbox: Sandbox, job: Job) -> list[dict[str, Any]]:
    """The objects of this identity at the server."""
    found = sandbox.objects(TYPES[job.spec.name])
    return [each for each in found if each["metadata"].get(MARKER, "").startswith(job.identity.digest)]


def posted(sandbox: Sandbox, job: Job) -> list[str]:
    """The idempotency keys of the requests that were executed."""
    return [
        each["headers"]["idempotency-key"]
        for each in sandbox.requests()
        if each["executed"] and job.identity.digest in each["headers"].get("idempotency-key", "")
    ]


HOURS_BETWEEN = {"at once": 0, "a day later": 25}


@pytest.mark.promise(
    "target 1",
    "No crash, at any point, action and server fault, creates a second object, at once or a day later",
)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("point", POINTS)
def test_no_crash_and_no_fault_creates_a_second_object(
    point: str, case: str, fault: str, shared: Sandbox, tmp_path: Path
) -> None:
    """The next run starts at once or a day later, in turn."""
    turn = POINTS.index(point) + CASES.index(case) + list(FAULTS).index(fault)
    hours = list(HOURS_BETWEEN.values())[turn % len(HOURS_BETWEEN)]
    run_case(Case(point, case, fault, hours), shared, File(tmp_path / "journal.db"))


@dataclass(frozen=True)
class Case:
    """One cell of the matrix."""

    point: str
    name: str
    fault: str
    hours: int


def pairs() -> list[Case]:
    """Cases that contain each pair of values of two axes: each point with each fault, the rest in turn."""
    hours = list(HOURS_BETWEEN.values())
    return [
        Case(POINTS[p % len(POINTS)], CASES[(p + f) % len(CASES)], fault, hours[(p // 2 + f // 3) % len(hours)])
        for p in range(max(len(POINTS), len(CASES)))
        for f, fault in enumerate(FAULTS)
    ]


def test_each_pair_of_values_is_tried() -> None:
    axes: list[list[object]] = [[*POINTS], [*CASES], [*FAULTS], [*HOURS_BETWEEN.values()]]
    cells = [astuple(case) for case in pairs()]

    for (i, one), (j, other) in itertools.combinations(enumerate(axes), 2):
        assert {(cell[i], cell[j]) for cell in cells} == set(itertools.product(one, other))


@pytest.mark.promise("workers", "No crash and no fault creates a second object with a journal on PostgreSQL")
@pytest.mark.parametrize("case", pairs(), ids=str)
def test_no_crash_and_no_fault_creates_a_second_object_with_a_shared_journal(
    case: Case, shared: Sandbox, postgres: Postgres
) -> None:
    """The next process finds rows that a dead process owns."""
    run_case(case, shared, location_of({"journal_url": postgres.database(), "timeout_s": 0.2}))


def run_case(case: Case, shared: Sandbox, location: Location) -> None:
    shared.faults()
    job, policies = a_job(shared, case.name, f"{case}/{location}")
    rule = FAULTS[case.fault]
    match = {"method": "POST", "body": job.identity.digest}
    shared.faults(*([] if rule is None else [{"name": "fault", "match": match, **rule}]))
    fuse = Fuse(case.point)

    for advance_s in (0, case.hours * 3600, 11 * 60, 25 * 3600, 60):
        shared.advance(advance_s)
        a_run(shared, location, job, fuse, policies)

    objects, keys = made(shared, job), posted(shared, job)
    alive = [each for each in objects if each.get("status") != "failed"]
    assert len(alive) <= 1
    assert len(keys) == len(set(keys)), "each key is executed once"
    markers = [each["metadata"][MARKER] for each in objects]
    assert len(markers) == len(set(markers)), "each attempt is one charge at most, failed ones too"
    with location.open_journal() as journal:
        latest = journal.latest(job.identity.digest)
    assert latest is not None
    assert (latest.state, latest.stripe_id) == expected(job, objects)


def expected(job: Job, objects: list[dict[str, Any]]) -> tuple[State, str | None]:
    """The state that an identity must have in the end, from the objects at the server."""
    if not objects:  # Stripe never executed it; if it moves money, a person must decide
        assert job.spec.moves_money
        return State.PARKED, None
    last = objects[-1]
    return (State.DECLINED if last.get("status") == "failed" else State.CREATED), last["id"]


def test_each_point_is_reached(shared: Sandbox, tmp_path: Path) -> None:
    """Otherwise the matrix would pass with points that no code reaches."""
    shared.faults()
    fuses = {point: Fuse(point) for point in POINTS}
    for number, (point, fuse) in enumerate(fuses.items()):
        job, policies = a_job(shared, "customers", f"reached {point}")
        a_run(shared, File(tmp_path / f"{number}.db"), job, fuse, policies)

    assert [point for point, fuse in fuses.items() if not fuse.is_blown] == []
