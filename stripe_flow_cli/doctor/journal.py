"""Is the journal in place, of this account, and free, and is there room for rejects?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from stripe_flow_cli.doctor.findings import Finding, ok, unsure
from stripe_flow_cli.doctor.target import TargetUnderTest
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.account import name_of, own_account
from target_stripe_flow.journal.file_lock import WAIT_S
from target_stripe_flow.journal.location import Shared
from target_stripe_flow.journal.migrations import Outdated
from target_stripe_flow.results.rejects import Rejects
from target_stripe_flow.run import refuse_lost_journal
from target_stripe_flow.settings import rejects_path


@dataclass(frozen=True, kw_only=True)
class JournalFacts:
    where: str
    is_there: bool
    is_outdated: bool
    is_shared: bool
    owners: Sequence[str]


def read_journal(plugin_under_test: TargetUnderTest) -> JournalFacts:
    """Makes and changes nothing. Raises Misconfigured and JournalBroken where a run could not use it."""
    location = plugin_under_test.location
    refuse_lost_journal(location, plugin_under_test.mode)
    is_there, is_outdated = location.is_there(), False
    if is_there:
        try:
            with location.open_read_only():
                pass
        except Outdated:
            is_outdated = True
    else:
        location.check_writable()
    owners = location.owners() if is_there else []
    return JournalFacts(
        where=str(location),
        is_there=is_there,
        is_outdated=is_outdated,
        is_shared=isinstance(location, Shared),
        owners=owners,
    )


def judge_journal(journal: JournalFacts) -> Iterator[Finding]:
    if not journal.is_there:
        yield unsure(f"there is none at {journal.where} yet: the first run makes it, or `stripe-flow journal init` now")
    elif journal.is_outdated:
        yield unsure(f"{journal.where} is of an older release: the next run brings it up to date")
    else:
        yield ok(f"{journal.where} can be read")
    users = ", ".join(journal.owners)
    if users and journal.is_shared:
        yield ok(f"it is shared now by {users}")
    elif users:
        yield unsure(f"it is in use by {users}: a run waits up to {WAIT_S:g} s for it, and then ends with exit code 1")


def read_account(plugin_under_test: TargetUnderTest) -> str:
    """What identities call the account. Raises Misconfigured where that is not clear."""
    read = own_account(plugin_under_test.client, plugin_under_test.config)
    return name_of(plugin_under_test.config, read, partial(_known_accounts, plugin_under_test))


def _known_accounts(plugin_under_test: TargetUnderTest) -> set[str]:
    return {account for account, mode in _accounts(plugin_under_test) if mode == plugin_under_test.mode.value}


def _accounts(plugin_under_test: TargetUnderTest) -> Sequence[tuple[str, str]]:
    if not plugin_under_test.location.is_there():
        return []
    try:
        with plugin_under_test.location.open_read_only() as journal:
            return journal.accounts()
    except Outdated:
        return []


def judge_account(account: str) -> Iterator[Finding]:
    yield ok(f"the target acts for {account}, a part of every record's identity")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """`unsettled` counts this account's rows by their state."""

    account: str
    mode: str
    accounts: Sequence[tuple[str, str]]
    unsettled: Mapping[State, int]


def read_rows(plugin_under_test: TargetUnderTest) -> Rows:
    account, mode, accounts = (
        read_account(plugin_under_test),
        plugin_under_test.mode.value,
        _accounts(plugin_under_test),
    )
    unsettled: Counter[State] = Counter()
    if accounts:
        with plugin_under_test.location.open_read_only() as journal:
            unsettled.update(row.state for row in journal.open_attempts(account, mode))
    return Rows(account=account, mode=mode, accounts=accounts, unsettled=unsettled)


def judge_rows(rows: Rows) -> Iterator[Finding]:
    others = [
        f"{account} ({mode})" for account, mode in sorted(rows.accounts) if (account, mode) != (rows.account, rows.mode)
    ]
    if others and len(others) == len(rows.accounts):
        yield unsure(
            f"the journal has rows of {', '.join(others)}, and none of {rows.account} ({rows.mode}): is journal_url "
            "that of another connection, or the key that of another account or mode?"
        )
    decided = [f"{count} {state.value}" for state, count in sorted(rows.unsettled.items()) if state is State.PARKED]
    waiting = [f"{count} {state.value}" for state, count in sorted(rows.unsettled.items()) if state is not State.PARKED]
    if decided:
        yield unsure(
            f"{', '.join(decided)}: a person decides, with `stripe-flow journal list --state parked` and `stripe-flow "
            "journal settle`; until then every run goes on, and ends with exit code 3"
        )
    if waiting:
        yield unsure(
            f"not settled yet: {', '.join(waiting)}; the next run settles what it can, before it reads anything"
        )
    if not rows.unsettled:
        yield ok(f"nothing of {rows.account} is in doubt")


def read_rejects_file(plugin_under_test: TargetUnderTest) -> str:
    """Raises Misconfigured where a reject could not be written."""
    path = rejects_path(plugin_under_test.config)
    Rejects(path).check_writable()
    return str(path)


def judge_rejects(path: str) -> Iterator[Finding]:
    yield ok(f"rejected and declined records go to {path}")
