"""The target's local files: whether a run can use the journal and the rejects file, and what the journal holds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.doctor.findings import Finding, ok, stops, warns
from stripe_flow_cli.doctor.target import TargetUnderTest
from stripe_flow_cli.report.figures import Query, read_report
from stripe_flow_cli.report.outcomes import NEVER_SENT
from target_stripe_flow.attempts.lifecycle import FOR_A_PERSON, State
from target_stripe_flow.execution.account import identify
from target_stripe_flow.file_modes import warn_of_wide_modes
from target_stripe_flow.journal.file_lock import WAIT_S
from target_stripe_flow.journal.incomplete import incomplete_actions
from target_stripe_flow.journal.labels import Labels
from target_stripe_flow.journal.location import Shared
from target_stripe_flow.journal.migrations import Outdated
from target_stripe_flow.journal.opening import open_in_memory
from target_stripe_flow.journal.overlay import open_overlay
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.rejects_path import check_rejects_path
from target_stripe_flow.results.rejects import Rejects
from target_stripe_flow.run import refuse_lost_journal


@dataclass(frozen=True, kw_only=True)
class JournalFacts:
    """The journal as it is now; `owners` are the processes that use it, `wide` warnings about modes."""

    location: str
    is_there: bool
    is_outdated: bool
    is_shared: bool
    owners: Sequence[str]
    wide: Sequence[str]


def read_journal(plugin_under_test: TargetUnderTest) -> JournalFacts:
    """Reads only. Raises Misconfigured or JournalBroken where a run could not use the journal."""
    location = plugin_under_test.location
    refuse_lost_journal(location, plugin_under_test.mode)
    is_there, is_outdated = location.is_there(), False
    if is_there:
        try:
            with location.open_read_only():
                pass
        except Outdated:
            is_outdated = True
    location.check_writable()
    return JournalFacts(
        location=str(location),
        is_there=is_there,
        is_outdated=is_outdated,
        is_shared=isinstance(location, Shared),
        owners=location.owners() if is_there else [],
        wide=list(warn_of_wide_modes(location.files())),
    )


def judge_journal(journal: JournalFacts) -> Iterator[Finding]:
    if not journal.is_there:
        yield warns(f"there is none at {journal.location} yet: the first run or `stripe-flow journal init` creates it")
    elif journal.is_outdated:
        yield warns(f"{journal.location} is of an older release: the next run migrates it")
    else:
        yield ok(f"{journal.location} can be read")
    yield from map(warns, journal.wide)
    owners = ", ".join(journal.owners)
    if owners and journal.is_shared:
        yield ok(f"it is shared now by {owners}")
    elif owners:
        yield warns(f"it is in use by {owners}: a run waits up to {WAIT_S:g} s for it, then ends with exit code 1")


def read_account(plugin_under_test: TargetUnderTest) -> str:
    """The account in the identity of each record. Raises Misconfigured where it is ambiguous."""
    with ExitStack() as stack:
        try:
            journal = stack.enter_context(open_overlay(plugin_under_test.location))
        except Outdated:
            journal = Journal(str(plugin_under_test.location), *stack.enter_context(open_in_memory()))
        labels = Labels(journal, plugin_under_test.mode.value)
        return identify(plugin_under_test.client, plugin_under_test.config, labels)


def _read_accounts(plugin_under_test: TargetUnderTest) -> Sequence[tuple[str, str]]:
    if not plugin_under_test.location.is_there():
        return []
    try:
        with plugin_under_test.location.open_read_only() as journal:
            return journal.accounts()
    except Outdated:
        return []


def judge_account(account: str) -> Iterator[Finding]:
    yield ok(f"the target writes to {account}, which is part of every record's identity")


@dataclass(frozen=True, kw_only=True)
class JournalRows:
    """The account and mode of a run, those of the journal's rows, and this account's open attempts by state.

    `incomplete`: the actions that need a rebuild; `streams`: those that the run will have, empty if that is not known.
    """

    account: str
    mode: str
    accounts: Sequence[tuple[str, str]]
    open_attempts: Mapping[State, int]
    incomplete: Sequence[str]
    streams: Collection[str]


def read_rows(plugin_under_test: TargetUnderTest) -> JournalRows:
    """Counts of the journal's rows. Raises Misconfigured or JournalBroken."""
    account, mode = read_account(plugin_under_test), plugin_under_test.mode.value
    accounts = _read_accounts(plugin_under_test)
    open_attempts: Counter[State] = Counter()
    incomplete: Sequence[str] = ()
    if plugin_under_test.location.is_there():
        with suppress(Outdated), plugin_under_test.location.open_read_only() as journal:
            open_attempts.update(row.state for row in journal.open_attempts(account, mode))
            incomplete = list(incomplete_actions(journal, account, mode))
    return JournalRows(
        account=account,
        mode=mode,
        accounts=accounts,
        open_attempts=open_attempts,
        incomplete=incomplete,
        streams=plugin_under_test.options.streams,
    )


def judge_rows(rows: JournalRows) -> Iterator[Finding]:
    run = (rows.account, rows.mode)
    if rows.accounts and run not in rows.accounts:
        others = ", ".join(f"{account} ({mode})" for account, mode in sorted(rows.accounts))
        yield warns(
            f"the journal has rows of {others}, and none of {rows.account} ({rows.mode}): check journal_url, and the "
            "account and mode of the key"
        )
    for action in rows.incomplete:
        text = (
            f"the journal may lack objects of {action}, and runs refuse its records: "
            f"`stripe-flow journal rebuild --action {action}`"
        )
        yield stops(text, Misconfigured.exit_code) if action in rows.streams else warns(text)
    counts = sorted(rows.open_attempts.items())
    for_a_person = [f"{count} {state.value}" for state, count in counts if state in FOR_A_PERSON]
    waiting = [f"{count} {state.value}" for state, count in counts if state not in FOR_A_PERSON]
    if for_a_person:
        yield warns(
            f"{', '.join(for_a_person)}: a person decides. `stripe-flow journal list --state parked --state conflict` "
            "prints each KEY; then run `stripe-flow journal settle KEY --as created STRIPE_ID` or `stripe-flow journal "
            "settle KEY --as not-created`. Until then runs continue, and end with exit code 3"
        )
    if waiting:
        yield warns(f"not settled yet: {', '.join(waiting)}; the next run reconciles them before it reads input")
    if not counts:
        yield ok(f"{rows.account} has no open attempts")


@dataclass(frozen=True, kw_only=True)
class RejectsFacts:
    """The path of the rejects file, warnings about its mode, and how many of its records were not sent since."""

    path: str
    wide: Sequence[str]
    waiting: int


def read_rejects_file(plugin_under_test: TargetUnderTest) -> RejectsFacts:
    """The rejects file. Raises Misconfigured if a run could not write to it."""
    path = check_rejects_path(plugin_under_test.config)
    Rejects(path).check_writable()
    waiting = _count_waiting(plugin_under_test, path) if path.exists() else 0
    return RejectsFacts(path=str(path), wide=list(warn_of_wide_modes([path])), waiting=waiting)


def _count_waiting(plugin_under_test: TargetUnderTest, path: Path) -> int:
    """The records of the rejects file that no run has sent since, of any source."""
    query = Query(filters={}, rejects_path=path, now_unix=int(time.time()))
    with _journal_as_it_is(plugin_under_test) as journal:
        groups = read_report(journal, query).groups
    return sum(group.total for group in groups if group.words.name == NEVER_SENT)


@contextmanager
def _journal_as_it_is(plugin_under_test: TargetUnderTest) -> Iterator[Journal]:
    """The journal, for reading; an empty one in memory if there is none, or one of an older release."""
    location = plugin_under_test.location
    with open_in_memory() as (reader, writer), ExitStack() as stack:
        journal = Journal(str(location), reader, writer)
        if location.is_there():
            with suppress(Outdated):
                journal = stack.enter_context(location.open_read_only())
        yield journal


def judge_rejects_file(rejects: RejectsFacts) -> Iterator[Finding]:
    yield ok(f"the target writes rejected and declined records to {rejects.path}")
    if rejects.waiting:
        yield warns(
            f"{rejects.path} has rejected records that were not sent since: {rejects.waiting:,}. Fix them in their "
            "source, or in the file and pipe it into the target, and remove the lines that are done; `stripe-flow "
            "journal report` shows the reasons"
        )
    yield from map(warns, rejects.wide)
