"""May the target send at all, may the key create what records ask for, and does the account take charges?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import AccountTrouble, PermissionMissing
from stripe_flow_cli.doctor.findings import Finding, ok, stops, unsure
from stripe_flow_cli.doctor.target import TargetUnderTest
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.permissions import missing_to_read, missing_to_write
from target_stripe_flow.execution.account_refusals import ALIKE_REFUSALS
from target_stripe_flow.settings import refuse_live


@dataclass(frozen=True, kw_only=True)
class LiveMode:
    mode: Mode
    is_dry: bool


def read_live_mode(plugin_under_test: TargetUnderTest) -> LiveMode:
    """Raises Misconfigured for a live key that nobody has allowed."""
    refuse_live(plugin_under_test.client.connection, plugin_under_test.config)
    return LiveMode(mode=plugin_under_test.mode, is_dry=bool(plugin_under_test.config["dry_run"]))


def judge_live_mode(permission: LiveMode) -> Iterator[Finding]:
    if permission.is_dry:
        yield ok("dry_run: nothing is sent")
    elif permission.mode is Mode.LIVE:
        yield ok("a live key, and allow_live is true: real money moves")
    else:
        yield ok("a test key: no money moves")


@dataclass(frozen=True, kw_only=True)
class Right:
    """What the key may do for one action."""

    action: str
    is_named: bool
    permission: str
    to_write: PermissionMissing | None
    to_read: PermissionMissing | None


def ask_permissions(plugin_under_test: TargetUnderTest) -> Sequence[Right]:
    found = []
    for action, way in plugin_under_test.ways.items():
        lacks = missing_to_write(plugin_under_test.client.scoped(), way)
        lacks_read = missing_to_read(plugin_under_test.client.scoped(), way) if lacks else None
        if not lacks_read:
            plugin_under_test.readable = plugin_under_test.client, way.path
        is_named = action in plugin_under_test.given.streams
        found.append(
            Right(action=action, is_named=is_named, permission=way.permission, to_write=lacks, to_read=lacks_read)
        )
    return found


def judge_permissions(found: Sequence[Right]) -> Iterator[Finding]:
    """What is missing stops a run only that has such records: those of an action that was named, or of any."""
    may_none = all(each.to_write for each in found) and not any(each.is_named for each in found)
    for each in found:
        if each.to_write is None:
            yield ok(f"{each.action} may be created")
            continue
        reads = "may be read, not created" if each.to_read is None else "may neither be created nor read"
        refusal = each.to_write.refusal
        permission = (refusal and refusal.permission) or each.permission
        text = f"{each.action} {reads}: give the key the right {permission} in the Stripe dashboard"
        if each.is_named or may_none:
            yield stops(text, each.to_write.exit_code)
        else:
            yield unsure(f"{text}, or send no {each.action}: a run would stop at them")


@dataclass(frozen=True, kw_only=True)
class Charging:
    """One action of which Stripe may close an account out, and what Stripe says of the account; None: nothing."""

    action: str
    is_named: bool
    way: Endpoint
    mode: Mode
    is_enabled: bool | None


def read_charging(plugin_under_test: TargetUnderTest) -> Sequence[Charging]:
    said = (plugin_under_test.reply.account or {}).get("charges_enabled")
    is_enabled = said if isinstance(said, bool) else None
    named, mode = plugin_under_test.given.streams, plugin_under_test.mode
    return [
        Charging(action=action, is_named=action in named, way=way, mode=mode, is_enabled=is_enabled)
        for action, way in plugin_under_test.ways.items()
        if way.advice
    ]


def judge_charging(found: Sequence[Charging]) -> Iterator[Finding]:
    for each in found:
        later = (
            f"if the first {ALIKE_REFUSALS} {each.action} of a run are all refused alike, it stops with exit code "
            f"{AccountTrouble.exit_code}; then: {each.way.advice}"
        )
        if each.is_enabled is None:
            yield unsure(f"whether this account may take payments is not known, as the key may not read it: {later}")
        elif not each.is_enabled and each.mode is Mode.LIVE:
            text = "Stripe says that this account may not take payments (charges_enabled): finish its activation"
            yield (
                stops(text, AccountTrouble.exit_code)
                if each.is_named
                else unsure(f"{text} before there are {each.action}")
            )
        elif not each.is_enabled:
            yield unsure(
                f"Stripe says that this account may not take live payments yet; test mode may all the same: {later}"
            )
        elif each.way.makes_intent:
            yield ok(f"Stripe says that this account may take payments, and {each.action} are made as PaymentIntents")
        else:
            yield unsure(
                "Stripe says that this account may take payments, but not whether it may create charges directly, "
                f"which fewer and fewer may: {later}"
            )
