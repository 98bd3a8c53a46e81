"""From the command line to a journal: settings, whose rows, which key, and how a row is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from stripe_flow.api.connection import parse_api_key
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.spelling import suggestion
from stripe_flow_cli.errors import configured
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.attempts.lifecycle import OPEN
from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.run import Run
from target_stripe_flow.target import TargetStripeFlow

_DIGEST = re.compile(r"[0-9a-f]{32}")
# A key that has digits and no blanks or @ is a number, a code or a UUID. Others may be a name or an address, and what
# has no letters but ten digits or more may be a telephone or a card.
_OPAQUE = re.compile(r"(?=[^0-9]*[0-9])(?!(?:[_.:/-]*[0-9]){10,}[_.:/-]*\Z)[0-9A-Za-z_.:/-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class JournalContext:
    """The settings of a connection, as far as they are given, and what the options say besides.

    `named_source` is the source_name only where an option has named it.
    """

    config: Mapping[str, Any]  # Any: settings that the schema has checked
    source_name: str
    named_source: str | None
    account: str | None
    mode: str | None
    as_json: bool
    show_keys: bool
    given: tuple[str, ...]

    @property
    def location(self) -> Location:
        return location_of(self.config)

    @property
    def existing(self) -> Location:
        """The place, where a decision must not make a new journal. Raises Misconfigured if there is none."""
        if not self.location.is_there():
            raise Misconfigured(
                f"there is no journal {self.location}: check --config, journal_url and the working folder"
            )
        return self.location

    def run(self) -> Run:
        """A run of the target with these settings. Raises Misconfigured without any: they name the key."""
        if not self.given:
            raise Misconfigured("this asks Stripe, so it needs the target's settings: --config FILE, or --config ENV")
        return configured(TargetStripeFlow, self.given).run

    def filters(self, **more: str | None) -> dict[str, list[str]]:
        """Whose rows, in terms of the journal's columns; None: all."""
        asked = {"account": self.account, "mode": self.mode} | more
        return {name: [value] for name, value in asked.items() if value is not None}

    def find(self, journal: Journal, key: str) -> Attempt:
        """The latest attempt of `ACTION:SOURCE_KEY` or `ACTION:HASH`. Raises Misconfigured if there is not just one."""
        action, colon, name = key.partition(":")
        if not colon or action not in ACTIONS or not name:
            hint = f"{suggestion(action, ACTIONS)}: there are {', '.join(ACTIONS)}"
            raise Misconfigured(f"a KEY is ACTION:SOURCE_KEY, like {next(iter(ACTIONS))}:17{hint}")
        digests = {name} if _DIGEST.fullmatch(name) else set[str]()
        for account, mode in self._whose(journal):
            scope = Scope(account=account, mode=mode, source_name=self.source_name)
            for parts in {(name,), tuple(name.split(","))}:
                digests.add(Identity(scope=scope, action=action, source_key=parts).digest)
        found = [row for row in (_concerned(journal, each) for each in sorted(digests)) if row and row.action == action]
        if len(found) != 1:
            raise Misconfigured(
                f"the journal {self.location} has {len(found) or 'no'} rows for this key of the source "
                f"{self.source_name}: check --source-name and --account, or take a hash of `stripe-flow journal list`"
            )
        return found[0]

    def _whose(self, journal: Journal) -> list[tuple[str, str]]:
        return [
            (account, mode)
            for account, mode in journal.accounts()
            if self.account in {None, account} and self.mode in {None, mode}
        ]


def _concerned(journal: Journal, digest: str) -> Attempt | None:
    """The row that a decision is about: an update in doubt, else the attempt that made it or was to make it."""
    update = journal.latest_update(digest)
    return update if update is not None and update.state in OPEN else journal.latest(digest)


def open_context(  # as the command line has them
    config: tuple[str, ...],
    source_name: str | None,
    account: str | None,
    mode: str | None,
    *,
    as_json: bool,
    show_keys: bool,
) -> JournalContext:
    """Raises Misconfigured for wrong settings. Without any: the journal in the default place, all of it."""
    settings = configured(TargetStripeFlow, config).config if config else {}
    key = settings.get("api_key")
    return JournalContext(
        config=settings,
        source_name=source_name or settings.get("source_name", "default"),
        named_source=source_name,
        account=account or settings.get("account_id") or settings.get("account_label"),
        mode=parse_api_key(key).mode.value if key else mode,
        as_json=as_json,
        show_keys=show_keys,
        given=config,
    )


def shown_key(row: Attempt, *, is_clear: bool) -> str:
    """The source key, or the hash that stands for it where it may be a person's."""
    parts = row.source_key or ()
    if parts and (is_clear or all(map(_OPAQUE.fullmatch, parts))):
        return ",".join(parts)
    return row.digest


def as_object(row: Attempt, *, is_clear: bool) -> dict[str, object]:
    """What `--json` prints of a row."""
    return {
        "action": row.action,
        "source_name": row.source_name,
        "source_key": shown_key(row, is_clear=is_clear),
        "account": row.account,
        "mode": row.mode,
        "attempt": row.attempt,
        "state": row.state.value,
        "stripe_id": row.stripe_id,
        "request_id": row.request_id,
        "reason": row.reason or row.decline_code or row.code,
    }


def say(row: Attempt, books: JournalContext) -> None:
    """One row on one line."""
    facts = as_object(row, is_clear=books.show_keys)
    if books.as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    name = f"{row.action}:{facts['source_key']}"
    line = f"{name:44}  {row.attempt:>3}  {row.state.value:11}  {row.stripe_id or '-':28}  {moment(row.last_sent_unix)}"
    click.echo(f"{line}  {facts['reason'] or ''}".rstrip())


def say_all(row: Attempt, books: JournalContext, *, is_body: bool) -> None:
    """Everything about a row, a fact on a line."""
    facts = as_object(row, is_clear=books.show_keys) | {
        "hash": row.digest,
        "revision": row.revision,
        "payment_intent": row.payment_intent,
        "idempotency_key": row.idempotency_key,
        "api_version": row.api_version,
        "first_sent": moment(row.first_sent_unix),
        "last_sent": moment(row.last_sent_unix),
        "settled": moment(row.settled_unix),
        "http_status": row.http_status,
        "code": row.code,
        "decline_code": row.decline_code,
        "param": row.param,
    }
    if is_body:
        facts["body"] = (row.body or b"").decode(errors="replace") or None
    if books.as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for name, value in facts.items():
        click.echo(f"{name:16} {'-' if value is None else value}")
    click.echo()


def moment(unix: int | None) -> str:
    """Stripe's time, ISO 8601."""
    return "-" if unix is None else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
