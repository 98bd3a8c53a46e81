"""May the key read what would be read, in each account, and what else may it read?"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from stripe_flow.api.errors import PermissionMissing, StripeError
from stripe_flow_cli.doctor.findings import Finding, ok, stops, unsure
from stripe_flow_cli.doctor.tap import TapUnderTest
from tap_stripe_flow.accounts import SELF, Account
from tap_stripe_flow.run import code_of
from tap_stripe_flow.stream import Engine


@dataclass(frozen=True, kw_only=True)
class Owner:
    account: str | None
    error: StripeError | None


def read_owner(plugin_under_test: TapUnderTest) -> Owner:
    """Whose key it is. Raises Misconfigured where a setting needs to know and Stripe does not say."""
    named = plugin_under_test.config.get("account_ids") or ()
    account = plugin_under_test.reply.account
    if SELF in named:
        plugin_under_test.run.accounts.named([SELF])
    return Owner(account=str(account["id"]) if account else None, error=plugin_under_test.reply.error)


def judge_owner(owner: Owner) -> Iterator[Finding]:
    if owner.account:
        yield ok(f"the key is of {owner.account}")
    elif isinstance(owner.error, PermissionMissing):
        yield unsure("the key may not read whose it is, and nothing here needs to know: the Stripe dashboard tells")
    else:
        yield unsure(f"whose key it is is not known: {owner.error}")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One stream of one account: may it be read? `is_left_out`: the run's discovery has found that it may not."""

    stream: str
    what: str
    permission: str
    error: StripeError | None
    is_left_out: bool = False


def ask_selected(plugin_under_test: TapUnderTest) -> Sequence[Asked]:
    """Each selected stream in each account. Raises StripeError where `self` is not told."""
    asked = [(stream, account) for stream in plugin_under_test.selected for account in stream.accounts.values()]
    found = [
        replace(each, stream=stream.name)
        for (stream, _), each in zip(asked, _ask(plugin_under_test, asked), strict=True)
    ]
    kept = {each.stream for each in found if not isinstance(each.error, PermissionMissing)}
    return [replace(each, is_left_out=plugin_under_test.leaves_out and each.stream not in kept) for each in found]


def ask_others(plugin_under_test: TapUnderTest) -> Sequence[Asked]:
    """What is not selected, each list once and for the key's own account."""
    by_path = {stream.source.spec.listed.path: stream for stream in plugin_under_test.streams.values()}
    for stream in plugin_under_test.selected:
        by_path.pop(stream.source.spec.listed.path, None)
    return _ask(plugin_under_test, [(stream, Account()) for stream in by_path.values()])


def _ask(plugin_under_test: TapUnderTest, asked: Sequence[tuple[Engine, Account]]) -> list[Asked]:
    def one(stream: Engine, account: Account) -> Asked:
        failed: StripeError | None = None
        listed, what = stream.source.spec.listed, stream.of(account).removeprefix("stream ")
        try:
            stream.source.ask(plugin_under_test.run, account)
            plugin_under_test.readable = plugin_under_test.client.scoped(account.acts_for), listed.path
        except StripeError as error:
            failed = error
        return Asked(stream=listed.name, what=what, permission=listed.permission, error=failed)

    return list(plugin_under_test.run.prefetch.in_order(functools.partial(one, *each) for each in asked))


def judge_selected(found: Sequence[Asked]) -> Iterator[Finding]:
    readable = [each for each in found if each.error is None]
    failed = [each.error for each in found if each.error is not None and not each.is_left_out]
    code = code_of(failed, has_progressed=bool(readable))
    if not readable and not failed:
        yield unsure("no stream is selected that the key may read, so nothing would be read")
    for each in found:
        if each.is_left_out:
            yield unsure(f"{each.what} is left out, as discover_permitted_only says: the key lacks {each.permission}")
        elif each.error is not None:
            yield stops(f"{each.what}: {each.error}", code)
    for stream, (first, *others) in groupby(readable, lambda each: each.stream):
        yield ok(f"{stream} may be read, in {len(others) + 1} accounts" if others else f"{first.what} may be read")


def judge_others(found: Sequence[Asked]) -> Iterator[Finding]:
    closed = [f"{each.stream} ({each.permission})" for each in found if isinstance(each.error, PermissionMissing)]
    other = [f"{each.stream} {words}" for each in found if (words := _refusal(each.error))]
    may = [each.stream for each in found if each.error is None]
    if may:
        yield ok(f"of what is not selected the key may read {_few(may, than=closed)}")
    if closed:
        yield unsure(
            f"of what is not selected the key may not read {_few(closed, than=may)}: nothing needs it now; give it the "
            "right before you select one"
        )
    if other:
        yield unsure(f"Stripe gives this account no list of {', '.join(other)}")


def _refusal(error: StripeError | None) -> str | None:
    if error is None or isinstance(error, PermissionMissing):
        return None
    return error.refusal.words() if error.refusal else "(no answer)"


def _few(names: Sequence[str], than: Sequence[str]) -> str:
    """By name where they are fewer than the others."""
    if len(names) <= len(than):
        return ", ".join(sorted(names))
    return f"the other {len(names)} lists" if than else f"any of the {len(names)} lists"
