"""Leases on real rows: who may take, who wakes up too late, and what a send needs. Two journals of one process."""

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
from tests.support.postgres import asked
from tests.support.wire import Peer, answer
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import (
    LEASE_S,
    TIMEOUT_S,
    wait_for,
)

MADE = answer(200, '{"id": "cus_1", "livemode": false}')
ALWAYS_SLOW = f"""
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep({TIMEOUT_S}); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE INSERT OR UPDATE ON owners FOR EACH ROW EXECUTE FUNCTION wait()
""".encode()
OVER = "SELECT count(*) FROM owners WHERE alive_until_unix < extract(epoch FROM clock_timestamp())"


@contextmanager
def two(location: Location) -> Iterator[tuple[Journal, Journal]]:
    """One whose heartbeat has stopped, as that of a process that is stopped, and another."""
    with location.open_journal() as sleeper, location.open_journal() as other:
        cast("Lease", sleeper.ownership)._is_over.set()  # noqa: SLF001  # SIGSTOP would do it, and stop the test as well
        yield sleeper, other


def an_intent(journal: Journal) -> Attempt:
    return an_attempt(api_version="2026-10-28.endive", idempotency_key="k", owner=journal.ownership.owner)


def a_new_one(journal: Journal) -> Attempt:
    return replace(an_intent(journal), first_sent_unix=None, last_sent_unix=None)


def taken_by(other: Journal, sleepers: Attempt) -> Attempt:
    """Once the sleeper's lease is over."""
    taken = other.take(sleepers)
    while taken is None:
        time.sleep(0.02)
        taken = other.take(sleepers)
    return taken.attempt


def test_a_lease_that_lasts_is_not_taken(shared_location: Location) -> None:
    with shared_location.open_journal() as one, shared_location.open_journal() as other:
        attempt = an_intent(one)
        one.open_attempt(attempt)

        time.sleep(LEASE_S + 0.2)  # its heartbeat extends it

        assert other.take(attempt) is None
        assert other.open_attempts("acct_1", "test") == []


def test_of_many_takers_one_has_the_row(shared_location: Location) -> None:
    with two(shared_location) as (sleeper, one), shared_location.open_journal() as other:
        attempt = an_intent(sleeper)
        sleeper.open_attempt(attempt)
        first = taken_by(one, attempt)

        second = other.take(attempt)

        assert second is None
        assert one.latest(attempt.digest) == first == replace(attempt, owner=one.ownership.owner)


def test_who_wakes_up_too_late_changes_nothing_and_sends_nothing(shared_location: Location) -> None:
    with two(shared_location) as (sleeper, other), Peer([MADE]) as peer:
        attempt = an_intent(sleeper)
        sleeper.open_attempt(attempt)
        taken = taken_by(other, attempt)

        with pytest.raises(Superseded):
            Sender(a_client(peer.url), sleeper).send(attempt, is_new=False)

        assert peer.heard == []
        assert other.latest(attempt.digest) == taken


def test_what_was_settled_just_after_it_was_taken_is_not_sent(
    shared_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The taker is stopped for longer than its lease between taking the row and reading it: it has no bytes any more,
    and an empty request under its key would turn what was made into a conflict.
    """
    with two(shared_location) as (dead, other), two(shared_location) as (taker, _):
        attempt = an_intent(dead)
        dead.open_attempt(attempt)
        wait_for(lambda: taker.ownership.former_owner(attempt) is not None)
        read, made = taker.all_of, dict[str, Attempt]()

        def sleep_and_read(digest: str) -> list[Attempt]:
            taken = taken_by(other, replace(attempt, owner=taker.ownership.owner))
            made[digest] = replace(taken, state=State.CREATED, stripe_id="cus_1", body=None, owner=None)
            other.change(made[digest], was=taken)
            return read(digest)

        monkeypatch.setattr(taker, "all_of", sleep_and_read)

        assert taker.take(attempt) is None
        assert other.latest(attempt.digest) == made[attempt.digest]


class SleepyTransport(Transport):
    """In a process that is stopped while its request is under way; meanwhile something happens."""

    other: Journal
    becomes: State

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, **more: Any
    ) -> RawAnswer:  # Any: passed on
        said = super().exchange(method, url, headers, body, **more)
        if method == "POST":
            (row,) = self.other.walk({})
            taken = taken_by(self.other, row)
            is_open = self.becomes is State.INTENT
            self.other.change(
                replace(taken, state=self.becomes, owner=taken.owner if is_open else None, stripe_id=None), was=taken
            )
        return said


@pytest.mark.parametrize(
    ("became", "stands"),
    [
        (State.UNKNOWN, State.CREATED),
        (State.PARKED, State.CREATED),
        (State.INTENT, State.INTENT),
        (State.DECLINED, State.DECLINED),
        (State.NOT_CREATED, State.CREATED),
        (State.REFUSED, State.REFUSED),
    ],
)
def test_an_answer_that_comes_too_late_overrules_a_doubt_and_nothing_else(
    became: State, stands: State, shared_location: Location
) -> None:
    with two(shared_location) as (sleeper, other), Peer([MADE]) as peer:
        attempt = replace(an_intent(sleeper), owner=None, first_sent_unix=None, last_sent_unix=None)
        transport = SleepyTransport(peer.url, timeout_s=10)
        transport.other, transport.becomes = other, became

        with pytest.raises(Superseded):
            Sender(replace(a_client(peer.url), transport=transport), sleeper).send(attempt, is_new=True)

        latest = other.latest(attempt.digest)
        assert latest is not None
        assert (latest.state, latest.stripe_id) == (stands, "cus_1" if stands is State.CREATED else None)
        assert len(peer.heard) == 1


def test_nothing_is_sent_under_a_lease_that_cannot_be_renewed(shared_location: Location) -> None:
    with two(shared_location) as (sleeper, other), Peer([MADE]) as peer:
        time.sleep(TIMEOUT_S + 0.1)  # what is left of it is shorter than a request
        with psycopg.connect(str_of(shared_location), autocommit=True) as admin:
            admin.execute("ALTER TABLE owners RENAME TO gone")

        with pytest.raises(JournalBroken, match="owners"):
            Sender(a_client(peer.url), sleeper).send(a_new_one(sleeper), is_new=True)

        assert peer.heard == []
        latest = other.latest(an_attempt().digest)
        assert latest is not None
        assert (latest.state, latest.body) == (State.INTENT, b"name=Ann"), "the next run sends it"
        with psycopg.connect(str_of(shared_location), autocommit=True) as admin:
            admin.execute("ALTER TABLE gone RENAME TO owners")


def str_of(location: Location) -> str:
    return cast("Shared", location).url.render_as_string(hide_password=False)


def test_a_lease_that_is_short_is_renewed_before_the_send(shared_location: Location) -> None:
    with two(shared_location) as (sleeper, _), Peer([MADE]) as peer:
        time.sleep(LEASE_S + 0.1)
        over = asked(str_of(shared_location), OVER)

        received = Sender(a_client(peer.url), sleeper).send(a_new_one(sleeper), is_new=True)

        assert (over, asked(str_of(shared_location), OVER)) == ([(1,)], [(0,)])
        assert received.attempt.state is State.CREATED


def test_a_lease_whose_renewal_had_to_wait_is_renewed_once_more(shared_location: Location) -> None:
    with (
        two(shared_location) as (sleeper, _),
        psycopg.connect(str_of(shared_location)) as admin,
        Peer([MADE]) as peer,
        ThreadPoolExecutor() as pool,
    ):
        time.sleep(TIMEOUT_S)
        admin.execute("LOCK TABLE owners IN EXCLUSIVE MODE")
        sent = pool.submit(Sender(a_client(peer.url), sleeper).send, a_new_one(sleeper), is_new=True)
        time.sleep(TIMEOUT_S + 0.2)
        admin.commit()

        assert sent.result().attempt.state is State.CREATED


def test_under_a_lease_that_is_always_too_short_nothing_is_sent(shared_location: Location) -> None:
    with two(shared_location) as (sleeper, other), Peer([MADE]) as peer:
        time.sleep(TIMEOUT_S)
        with psycopg.connect(str_of(shared_location), autocommit=True) as admin:
            admin.execute(ALWAYS_SLOW)

        with pytest.raises(JournalBroken, match=r"too slow: a lease on it does not last for a whole request .* again"):
            Sender(a_client(peer.url), sleeper).send(a_new_one(sleeper), is_new=True)

        assert peer.heard == []
        latest = other.latest(an_attempt().digest)
        assert latest is not None
        assert (latest.state, latest.body) == (State.INTENT, b"name=Ann"), "the next run sends it"


def test_a_transaction_of_a_stopped_process_does_not_hold_up_the_others(shared_location: Location) -> None:
    with shared_location.open_journal() as stopped, shared_location.open_journal() as other:
        attempt = an_intent(stopped)
        stopped._group_commit._connection.execute(_ADD, attempt.row())  # noqa: SLF001  # and now it is stopped

        other.open_attempt(replace(attempt, owner=other.ownership.owner))

        with pytest.raises(JournalBroken, match="idle-in-transaction"):
            stopped.open_attempt(an_attempt("8"))
