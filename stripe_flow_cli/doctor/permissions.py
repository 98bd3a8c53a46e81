"""Whether a run may send, what the key may create, and whether the account accepts charges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import AccountTrouble, PermissionMissing
from stripe_flow_cli.doctor.findings import Finding, ok, stops, warns
from stripe_flow_cli.doctor.target import TargetUnderTest
from target_stripe_flow.actions.endpoint import Endpoint
from target_stripe_flow.actions.permissions import missing_to_read, missing_to_write
from target_stripe_flow.execution.account_refusals import ALIKE_REFUSALS
from target_stripe_flow.settings import refuse_live


@dataclass(frozen=True, kw_only=True)
class LiveMode:
    """The mode of the key, and whether the settings ask for a dry run."""

    mode: Mode
    is_dry: bool


def read_live_mode(plugin_under_test: TargetUnderTest) -> LiveMode:
    """Raises Misconfigured for a live key without allow_live."""
    refuse_live(plugin_under_test.client.connection, plugin_under_test.config)
    return LiveMode(mode=plugin_under_test.mode, is_dry=bool(plugin_under_test.config["dry_run"]))


def judge_live_mode(live: LiveMode) -> Iterator[Finding]:
    if live.is_dry:
        yield ok("dry_run is true: a run sends nothing")
    elif live.mode is Mode.LIVE:
        yield ok("a live key, and allow_live is true: real money moves")
    else:
        yield ok("a test key: no money moves")


@dataclass(frozen=True, kw_only=True)
class ActionPermission:
    """What the key may do for one action; the errors are None where it may. `is_named`: by `--stream`."""

    action: str
    is_named: bool
    permission: str
    write_error: PermissionMissing | None
    read_error: PermissionMissing | None


def try_permissions(plugin_under_test: TargetUnderTest) -> Sequence[ActionPermission]:
    """What the key may do for each action, found out without creating anything. Raises StripeError."""
    found = []
    for action, endpoint in plugin_under_test.endpoints.items():
        write_error = missing_to_write(plugin_under_test.client.scoped(), endpoint)
        read_error = missing_to_read(plugin_under_test.client.scoped(), endpoint) if write_error else None
        if not read_error:
            plugin_under_test.readable = plugin_under_test.client, endpoint.path
        found.append(
            ActionPermission(
                action=action,
                is_named=action in plugin_under_test.options.streams,
                permission=endpoint.permission,
                write_error=write_error,
                read_error=read_error,
            )
        )
    return found


def judge_permissions(found: Sequence[ActionPermission]) -> Iterator[Finding]:
    """A missing permission stops a run if its action is named, or if no action is named and the key may create none."""
    may_create_none = all(each.write_error for each in found) and not any(each.is_named for each in found)
    for each in found:
        if each.write_error is None:
            yield ok(f"the key may create {each.action}")
            continue
        refusal = each.write_error.refusal
        permission = (refusal and refusal.permission) or each.permission
        verbs = "read, but not create" if each.read_error is None else "neither create nor read"
        text = f"the key may {verbs} {each.action}: give it the permission {permission} in the Stripe dashboard"
        if each.is_named or may_create_none:
            yield stops(text, each.write_error.exit_code)
        else:
            yield warns(f"{text}, or send no {each.action}: a run stops at the first one")


@dataclass(frozen=True, kw_only=True)
class Charging:
    """An action that Stripe may refuse a whole account, and the account's charges_enabled; None where unknown."""

    action: str
    is_named: bool
    endpoint: Endpoint
    mode: Mode
    is_enabled: bool | None


def read_charging(plugin_under_test: TargetUnderTest) -> Sequence[Charging]:
    """One entry for each action that Stripe may refuse a whole account. Raises StripeError."""
    enabled = (plugin_under_test.reply.account or {}).get("charges_enabled")
    return [
        Charging(
            action=action,
            is_named=action in plugin_under_test.options.streams,
            endpoint=endpoint,
            mode=plugin_under_test.mode,
            is_enabled=enabled if isinstance(enabled, bool) else None,
        )
        for action, endpoint in plugin_under_test.endpoints.items()
        if endpoint.advice
    ]


def judge_charging(found: Sequence[Charging]) -> Iterator[Finding]:
    return map(_judge_charging, found)


def _judge_charging(charging: Charging) -> Finding:
    action, endpoint = charging.action, charging.endpoint
    later = (
        f"if Stripe refuses the first {ALIKE_REFUSALS} {action} of a run alike, the run stops with exit code "
        f"{AccountTrouble.exit_code}; then: {endpoint.advice}"
    )
    if charging.is_enabled is None:
        return warns(f"whether this account may take payments is not known, as the key may not read it: {later}")
    if not charging.is_enabled and charging.mode is Mode.LIVE:
        text = "this account may not take payments (charges_enabled is false at Stripe): finish its activation"
        if charging.is_named:
            return stops(text, AccountTrouble.exit_code)
        return warns(f"{text} before you send {action}")
    if not charging.is_enabled:
        return warns(f"Stripe says that this account may not take live payments yet; test mode may work: {later}")
    if endpoint.makes_intent:
        return ok(f"this account may take payments, and the target creates {action} as PaymentIntents")
    return warns(
        "this account may take payments. Stripe does not say whether it may create charges directly, and some "
        f"accounts may not: {later}"
    )
