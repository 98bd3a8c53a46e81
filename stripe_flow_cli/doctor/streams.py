"""Which lists the key may read: the selected streams in each account, and all other lists."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from stripe_flow.api.errors import Misconfigured, PermissionMissing, StripeError
from stripe_flow_cli.doctor.findings import Finding, ok, stops, warns
from stripe_flow_cli.doctor.tap import TapUnderTest
from tap_stripe_flow.accounts import ALL, SELF, Account
from tap_stripe_flow.failures import StreamMisconfigured, code_of
from tap_stripe_flow.stream import Engine
from tap_stripe_flow.stream_reader import label


@dataclass(frozen=True, kw_only=True)
class KeyAccount:
    """The account that the key belongs to, or the error that hides it."""

    account: str | None
    error: StripeError | None


def read_key_account(plugin_under_test: TapUnderTest) -> KeyAccount:
    """The key's account. Raises Misconfigured if account_ids has `self` or `all`, and the key may not read them."""
    account_ids = plugin_under_test.config.get("account_ids") or ()
    account = plugin_under_test.reply.account
    if {SELF, ALL} & set(account_ids):
        plugin_under_test.run.accounts.chosen(account_ids)
    return KeyAccount(account=str(account["id"]) if account else None, error=plugin_under_test.reply.error)


def judge_key_account(key: KeyAccount) -> Iterator[Finding]:
    if key.account:
        yield ok(f"the key belongs to {key.account}")
    elif isinstance(key.error, PermissionMissing):
        yield warns("the key may not read its own account; no setting needs it. The Stripe dashboard shows the account")
    else:
        yield warns(f"the account of the key is unknown: {key.error}")


@dataclass(frozen=True, kw_only=True)
class ListAccess:
    """Whether the key may read a stream in one account; `error` is None if it may.

    `is_left_out`: discovery leaves the stream out because of discover_permitted_only.
    """

    stream: str
    name: str
    permission: str
    error: StripeError | StreamMisconfigured | None
    is_left_out: bool = False


def try_selected(plugin_under_test: TapUnderTest) -> Sequence[ListAccess]:
    """Access to each selected stream in each account. Raises StripeError if `self` cannot be resolved."""
    refused, lists = list[ListAccess](), list[tuple[Engine, Account]]()
    for stream in plugin_under_test.selected:
        try:
            stream.check()
        except StreamMisconfigured as error:
            refused.append(ListAccess(stream=stream.name, name=stream.name, permission="", error=error))
        else:
            lists += [(stream, account) for account in stream.accounts.values()]
    found = refused + [
        replace(access, stream=stream.name)
        for (stream, _), access in zip(lists, _try_lists(plugin_under_test, lists), strict=True)
    ]
    permitted = {access.stream for access in found if not isinstance(access.error, PermissionMissing)}
    return [
        replace(access, is_left_out=plugin_under_test.leaves_out and access.stream not in permitted) for access in found
    ]


def try_others(plugin_under_test: TapUnderTest) -> Sequence[ListAccess]:
    """Access to the lists of all other streams, each once and for the key's own account."""
    by_path = {stream.source.spec.listed.path: stream for stream in plugin_under_test.streams.values()}
    for stream in plugin_under_test.selected:
        by_path.pop(stream.source.spec.listed.path, None)
    return _try_lists(plugin_under_test, [(stream, Account()) for stream in by_path.values()])


def _try_lists(plugin_under_test: TapUnderTest, lists: Sequence[tuple[Engine, Account]]) -> list[ListAccess]:
    def try_list(stream: Engine, account: Account) -> ListAccess:
        error: StripeError | None = None
        listed, name = stream.source.spec.listed, label(stream.name, account).removeprefix("stream ")
        try:
            stream.source.ask(plugin_under_test.run, account)
            plugin_under_test.readable = plugin_under_test.client.scoped(account.stripe_account), listed.path
        except StripeError as refused:
            error = refused
        return ListAccess(stream=listed.name, name=name, permission=listed.permission, error=error)

    return list(plugin_under_test.run.prefetch.in_order(functools.partial(try_list, *each) for each in lists))


def judge_selected(found: Sequence[ListAccess]) -> Iterator[Finding]:
    readable = [access for access in found if access.error is None]
    errors = [access.error for access in found if access.error is not None and not access.is_left_out]
    code = code_of({type(error) for error in errors}, has_progressed=bool(readable))
    if not readable and not errors:
        yield stops("a run would read nothing: no stream is selected that the key may read", Misconfigured.exit_code)
    for access in found:
        if access.is_left_out:
            yield warns(
                f"{access.name}: discovery leaves it out (discover_permitted_only): the key lacks {access.permission}"
            )
        elif access.error is not None:
            yield stops(f"{access.name}: {access.error}", code)
    for stream, (first, *others) in groupby(readable, lambda access: access.stream):
        yield ok(
            f"the key may read {stream} in {len(others) + 1} accounts" if others else f"the key may read {first.name}"
        )


def judge_others(found: Sequence[ListAccess]) -> Iterator[Finding]:
    forbidden = [
        f"{access.stream} ({access.permission})" for access in found if isinstance(access.error, PermissionMissing)
    ]
    refused = [f"{access.stream} {words}" for access in found if (words := _refusal(access.error))]
    readable = [access.stream for access in found if access.error is None]
    if readable:
        yield ok(f"of the streams not selected, the key may read {_shorten(readable, others=forbidden)}")
    if forbidden:
        yield warns(
            f"of the streams not selected, the key may not read {_shorten(forbidden, others=readable)}: add the "
            "permission before you select one"
        )
    if refused:
        yield warns(f"this account did not get the list of {', '.join(refused)}")


def _refusal(error: StripeError | StreamMisconfigured | None) -> str | None:
    if not isinstance(error, StripeError) or isinstance(error, PermissionMissing):
        return None
    return error.refusal.words() if error.refusal else "(no answer)"


def _shorten(names: Sequence[str], *, others: Sequence[str]) -> str:
    """The names, or only their number where there are more of them than of the others."""
    if len(names) <= len(others):
        return ", ".join(sorted(names))
    return f"the other {len(names)} lists" if others else f"any of the {len(names)} lists"
