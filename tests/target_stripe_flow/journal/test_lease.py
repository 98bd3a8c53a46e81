"""Leases on real rows of PostgreSQL: which process may take a row, and what a stopped one may do when it continues."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import psycopg
import pytest

from stripe_flow.api.transport import RawAnswer, Transport
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.sender import Sender
from target_stripe_flow.journal.group_commit import JournalBroken
from target_stripe_flow.journal.lease import Lease
from target_stripe_flow.journal.location import Location, Shared
from target_stripe_flow.journal.ownership import Superseded
from target_stripe_flow.journal.store import _ADD, Journal
from tests.stripe_flow.api.builders import a_client
from tests.support.wire import Peer, answer
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import LEASE_S, TIMEOUT_S, query, wait_for

MADE = answer(200, '{"id": "cus_1", "livemode": false}')
ALWAYS_SLOW = f"""
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep({TIMEOUT_S}); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE INSERT OR UPDATE ON owners FOR EACH ROW EXECUTE FUNCTION wait()
""".encode()
ENDED = "SELECT count(*) FROM owners WHERE alive_until_unix < extract(epoch FROM clock_timestamp())"


@contextmanager
def two(location: Location) -> Iterator[tuple[Journal, Journal]]:
    """A journal without heartbeats, as in a process that is stopped, and another one."""
    with location.open_journal() as stopped, location.open_journal() as other:
        cast("Lease", stopped.ownership)._is_released.set()  # noqa: SLF001  # SIGSTOP would stop the test as well
        yield stopped, other


def an_intent(journal: Journal) -> Attempt:
    return an_attempt(api_version="2026-10-28.endive", idempotency_key="k", owner=journal.ownership.owner)


def a_new_one(journal: Journal) -> Attempt:
    return replace(an_intent(journal), first_sent_unix=None, last_sent_unix=None)


def taken_by(other: Journal, attempt: Attempt) -> Attempt:
    """The attempt, taken as soon as its owner's lease has ended."""
    taken = other.take(attempt)
    while taken is None:
        time.sleep(0.02)
        taken = other.take(attempt)
    return taken.attempt


def test_a_row_is_not_taken_while_its_owner_renews_the_lease(shared_location: Location) -> None:
    with shared_location.open_journal() as one, shared_location.open_journal() as other:
        attempt = an_intent(one)
        one.open_attempt(attempt)

        time.sleep(LEASE_S + 0.2)  # its heartbeat extends it

        assert other.take(attempt) is None
        assert other.open_attempts("acct_1", "test") == []


def test_one_of_two_processes_takes_a_row(shared_location: Location) -> None:
    with two(shared_location) as (stopped, one), shared_location.open_journal() as other:
        attempt = an_intent(stopped)
        stopped.open_attempt(attempt)
        first = taken_by(one, attempt)

        second = other.take(attempt)

        assert second is None
        assert one.latest(attempt.digest) == first == replace(attempt, owner=one.ownership.owner)


def test_a_process_that_continues_after_its_lease_sends_and_changes_nothing(shared_location: Location) -> None:
    with two(shared_location) as (stopped, other), Peer([MADE]) as peer:
        attempt = an_intent(stopped)
        stopped.open_attempt(attempt)
        taken = taken_by(other, attempt)

        with pytest.raises(Superseded):
            Sender(a_client(peer.url), stopped).send(attempt, is_new=False)

        assert peer.heard == []
        assert other.latest(attempt.digest) == taken


def test_a_row_that_was_settled_just_after_it_was_taken_is_not_sent(
    shared_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The taker is stopped for longer than its lease between taking the row and reading it. The row has no body any
    more, and an empty request under its key would be a conflict.
    """
    with two(shared_location) as (dead, other), two(shared_location) as (taker, _):
        attempt = an_intent(dead)
        dead.open_attempt(attempt)
        wait_for(lambda: taker.ownership.expired_lease(attempt) is not None)
        read, made = taker.attempts_of, dict[str, Attempt]()

        def stop_and_read(digest: str) -> list[Attempt]:
            taken = taken_by(other, replace(attempt, owner=taker.ownership.owner))
            made[digest] = replace(taken, state=State.CREATED, stripe_id="cus_1", body=None, owner=None)
            other.change(made[digest], was=taken)
            return read(digest)

        monkeypatch.setattr(taker, "attempts_of", stop_and_read)

        assert taker.take(attempt) is None
        assert other.latest(attempt.digest) == made[attempt.digest]


class StoppedTransport(Transport):
    """The transport of a process that is stopped during its request, while another process takes the row."""

    other: Journal
    becomes: State

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, **more: Any
    ) -> RawAnswer:  # Any: passed on
        answer = super().exchange(method, url, headers, body, **more)
        if method == "POST":
            (row,) = self.other.walk({})
            taken = taken_by(self.other, row)
            is_open = self.becomes is State.INTENT
            self.other.change(
                replace(taken, state=self.becomes, owner=taken.owner if is_open else None, stripe_id=None), was=taken
            )
        return answer


@pytest.mark.volume(cases=1)
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.UNKNOWN, State.CREATED),
        (State.PARKED, State.CREATED),
        (State.INTENT, State.INTENT),
        (State.DECLINED, State.DECLINED),
        (State.NOT_CREATED, State.CREATED),
        (State.REFUSED, State.REFUSED),
    ],
)
def test_a_late_answer_overrules_an_open_state_and_nothing_else(
    state: State, expected: State, shared_location: Location
) -> None:
    with two(shared_location) as (stopped, other), Peer([MADE]) as peer:
        attempt = replace(an_intent(stopped), owner=None, first_sent_unix=None, last_sent_unix=None)
        transport = StoppedTransport(peer.url, timeout_s=10)
        transport.other, transport.becomes = other, state

        with pytest.raises(Superseded):
            Sender(replace(a_client(peer.url), transport=transport), stopped).send(attempt, is_new=True)

        latest = other.latest(attempt.digest)
        assert latest is not None
        assert (latest.state, latest.stripe_id) == (expected, "cus_1" if expected is State.CREATED else None)
        assert len(peer.heard) == 1


def test_nothing_is_sent_under_a_lease_that_cannot_be_renewed(shared_location: Location) -> None:
    with two(shared_location) as (stopped, other), Peer([MADE]) as peer:
        time.sleep(TIMEOUT_S + 0.1)  # the rest of the lease is shorter than a request
        with psycopg.connect(url_of(shared_location), autocommit=True) as admin:
            admin.execute("ALTER TABLE owners RENAME TO renamed")

        with pytest.raises(JournalBroken, match="owners"):
            Sender(a_client(peer.url), stopped).send(a_new_one(stopped), is_new=True)

        assert peer.heard == []
        latest = other.latest(an_attempt().digest)
        assert latest is not None
        assert (latest.state, latest.body) == (State.INTENT, b"name=Ann"), "the next run sends it"
        with psycopg.connect(url_of(shared_location), autocommit=True) as admin:
            admin.execute("ALTER TABLE renamed RENAME TO owners")


def url_of(location: Location) -> str:
    return cast("Shared", location).url.render_as_string(hide_password=False)


def test_a_short_lease_is_renewed_before_the_send(shared_location: Location) -> None:
    with two(shared_location) as (stopped, _), Peer([MADE]) as peer:
        time.sleep(LEASE_S + 0.1)
        before = query(shared_location, ENDED)

        received = Sender(a_client(peer.url), stopped).send(a_new_one(stopped), is_new=True)

        assert (before, query(shared_location, ENDED)) == ([(1,)], [(0,)])
        assert received.attempt.state is State.CREATED


def test_a_lease_whose_renewal_had_to_wait_is_renewed_once_more(shared_location: Location) -> None:
    with (
        two(shared_location) as (stopped, _),
        psycopg.connect(url_of(shared_location)) as admin,
        Peer([MADE]) as peer,
        ThreadPoolExecutor() as pool,
    ):
        time.sleep(TIMEOUT_S)
        admin.execute("LOCK TABLE owners IN EXCLUSIVE MODE")
        sent = pool.submit(Sender(a_client(peer.url), stopped).send, a_new_one(stopped), is_new=True)
        time.sleep(TIMEOUT_S + 0.2)
        admin.commit()

        assert sent.result().attempt.state is State.CREATED


@pytest.mark.volume
def test_nothing_is_sent_while_every_renewal_is_too_slow(shared_location: Location) -> None:
    with two(shared_location) as (stopped, other), Peer([MADE]) as peer:
        time.sleep(TIMEOUT_S)
        with psycopg.connect(url_of(shared_location), autocommit=True) as admin:
            admin.execute(ALWAYS_SLOW)

        with pytest.raises(JournalBroken, match=r"too slow: a lease on it does not last for a whole request .* again"):
            Sender(a_client(peer.url), stopped).send(a_new_one(stopped), is_new=True)

        assert peer.heard == []
        latest = other.latest(an_attempt().digest)
        assert latest is not None
        assert (latest.state, latest.body) == (State.INTENT, b"name=Ann"), "the next run sends it"


@pytest.mark.volume
def test_a_transaction_of_a_stopped_process_does_not_block_the_others(shared_location: Location) -> None:
    with shared_location.open_journal() as stopped, shared_location.open_journal() as other:
        attempt = an_intent(stopped)
        stopped._group_commit._connection.execute(_ADD, attempt.row())  # noqa: SLF001  # then it is stopped

        other.open_attempt(replace(attempt, owner=other.ownership.owner))

        with pytest.raises(JournalBroken, match="idle-in-transaction"):
            stopped.open_attempt(an_attempt("8"))
