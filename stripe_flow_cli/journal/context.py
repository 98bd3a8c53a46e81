"""From the command line to a journal: its location, and the rows that an option selects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import click

from stripe_flow.api.connection import parse_api_key
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import open_client
from stripe_flow.api.spelling import suggestion
from stripe_flow_cli.errors import load_plugin
from stripe_flow_cli.journal.rows import details_of, line_of, members_of
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.attempts.lifecycle import OPEN
from target_stripe_flow.execution.source_problems import quoted, shown
from target_stripe_flow.execution.stripe_time import stripe_now_unix
from target_stripe_flow.journal.location import Location, location_of
from target_stripe_flow.journal.sources import read_sources
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.run import Run
from target_stripe_flow.target import TargetStripeFlow

# The options that choose among rows of one KEY, and the columns that they are about.
_CHOOSING = {"--source-name": "source_name", "--account": "account", "--mode": "mode"}
_DIGEST = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class JournalContext:
    """The settings of a connection and the shared options of the journal commands.

    `source_names` are those of the settings; `source_option` is the one that an option names. `config_options` are the
    values of `--config`.
    """

    config: Mapping[str, Any]  # Any: settings that the schema has checked
    source_names: tuple[str, ...]
    source_option: str | None
    account: str | None
    mode: str | None
    as_json: bool
    show_keys: bool
    config_options: tuple[str, ...]

    @property
    def location(self) -> Location:
        """Where the journal is, or would be created."""
        return location_of(self.config)

    @property
    def existing_location(self) -> Location:
        """The location, for commands that must not create a journal. Raises Misconfigured if there is none."""
        if not self.location.is_there():
            raise Misconfigured(
                f"there is no journal {self.location}: check --config, journal_url and the working folder"
            )
        return self.location

    def load_run(self) -> Run:
        """A run of the target with these settings. Raises Misconfigured without `--config`, which has the key."""
        if not self.config_options:
            raise Misconfigured("this command asks Stripe: add the target's settings, --config FILE or --config ENV")
        return load_plugin(TargetStripeFlow, self.config_options).run

    def stripe_now_unix(self) -> int | None:
        """Stripe's time in Unix seconds; None without a key. Raises AccountTrouble."""
        if "api_key" not in self.config:
            return None
        client = open_client(self.config).scoped(self.config.get("account_id"))
        return int(stripe_now_unix(client))

    def filters(self, **more: str | None) -> dict[str, list[str]]:
        """Columns of the journal → the values that select rows; None as a value selects all."""
        values = {"account": self.account, "mode": self.mode} | more
        return {column: [value] for column, value in values.items() if value is not None}

    def find_attempt(self, journal: Journal, key: str) -> Attempt:
        """The latest attempt of `ACTION:SOURCE_KEY` or `ACTION:HASH`. Raises Misconfigured unless there is one.

        It is searched under the source_name of the option, else under all: `list` prints the keys of all, and a
        decision must not be about the equal key of another source.
        """
        found = self._find(journal, key, self._names(journal))
        if len(found) > 1:
            raise self._unclear(found)
        return found[0]

    def find_in_every_source(self, journal: Journal, key: str) -> list[Attempt]:
        """The latest attempt of a KEY in each source that has it; of one, if an option names it. At least one.

        Raises Misconfigured if there is none, or if several accounts have the key.
        """
        found = self._find(journal, key, self._names(journal))
        if len({(row.account, row.mode) for row in found}) > 1:
            raise self._unclear(found)
        return found

    def _unclear(self, found: Sequence[Attempt]) -> Misconfigured:
        """The error for a KEY of several rows: how to name each of them."""
        of = "; or ".join(
            f"for {shown(row.source_name or '?')} in {row.account} ({row.mode}) {_naming(row, found)}" for row in found
        )
        return Misconfigured(
            f"the journal {self.location} has {len(found)} rows for this key, so the command did nothing: {of}"
        )

    def _names(self, journal: Journal) -> list[str]:
        """The source_name of the option, else every one of the settings and of the journal."""
        if self.source_option:
            return [self.source_option]
        return sorted({*self.source_names, *(source.source_name for source in read_sources(journal))})

    def _find(self, journal: Journal, key: str, source_names: Sequence[str]) -> list[Attempt]:
        action, colon, name = key.partition(":")
        if not colon or action not in ACTIONS or not name:
            hint = f"{suggestion(action, ACTIONS)}: choose one of {', '.join(ACTIONS)}"
            raise Misconfigured(f"a KEY is ACTION:SOURCE_KEY, like {next(iter(ACTIONS))}:17{hint}")
        digests = sorted(self._possible_digests(journal, action, name, source_names))
        rows = [_row_to_decide(journal, digest) for digest in digests]
        found = [row for row in rows if row and row.action == action]
        if not found:
            names = ", ".join(map(shown, source_names)) or "(it has none)"
            raise Misconfigured(
                f"the journal {self.location} has no rows for this key of the source_name {names}: check --source-name "
                "and --account, or use a hash that `stripe-flow journal list` prints"
            )
        return found

    def _possible_digests(self, journal: Journal, action: str, name: str, source_names: Sequence[str]) -> set[str]:
        digests = {name} if _DIGEST.fullmatch(name) else set[str]()
        scopes = [
            Scope(account=account, mode=mode, source_name=source_name)
            for account, mode in journal.accounts()
            if self.account in {None, account} and self.mode in {None, mode}
            for source_name in source_names
        ]
        for scope, parts in product(scopes, {(name,), tuple(name.split(","))}):
            digests.add(Identity(scope=scope, action=action, source_key=parts).digest)
        return digests

    def print_row(self, row: Attempt) -> None:
        """Print one attempt on one line."""
        if self.as_json:
            self.print_json(members_of(row, show_keys=self.show_keys))
        else:
            click.echo(line_of(row, show_keys=self.show_keys))

    def print_details(self, row: Attempt, *, shows_body: bool) -> None:
        """Print all columns of an attempt, one on each line."""
        members = details_of(row, show_keys=self.show_keys)
        if shows_body:
            members["body"] = (row.body or b"").decode(errors="replace") or None
        if self.as_json:
            self.print_json(members)
            return
        for name, value in members.items():
            click.echo(f"{name:16} {'-' if value is None else value}")
        click.echo()

    def print_json(self, members: Mapping[str, object]) -> None:
        """Print one JSON object on one line."""
        click.echo(json.dumps(members, ensure_ascii=False))


def open_context(  # the parameters are the shared options
    config: tuple[str, ...],
    source_name: str | None,
    account: str | None,
    mode: str | None,
    *,
    as_json: bool,
    show_keys: bool,
) -> JournalContext:
    """The context of a command; without `--config`, all rows of the journal at the default location.

    Raises Misconfigured for wrong settings.
    """
    settings = load_plugin(TargetStripeFlow, config).config if config else {}
    key = settings.get("api_key")
    return JournalContext(
        config=settings,
        source_names=_names_of(settings),
        source_option=source_name,
        account=account or settings.get("account_id") or settings.get("account_label"),
        mode=parse_api_key(key).mode.value if key else mode,
        as_json=as_json,
        show_keys=show_keys,
        config_options=config,
    )


def _names_of(settings: Mapping[str, Any]) -> tuple[str, ...]:  # Any: settings that the schema has checked
    """The names in source_name and source_names, each once."""
    names = [settings.get("source_name"), *(settings.get("source_names") or {}).values()]
    return tuple(dict.fromkeys(name for name in names if name))


def _naming(row: Attempt, found: Sequence[Attempt]) -> str:
    """The options that choose this row among those that were found; its hash where no options do."""
    chosen = {name: column for name, column in _CHOOSING.items() if len({getattr(each, column) for each in found}) > 1}
    alike = [each for each in found if all(getattr(each, name) == getattr(row, name) for name in chosen.values())]
    if len(alike) > 1 or row.source_name is None:
        return f"use the KEY {row.key}"
    return f"add {' '.join(f'{name} {quoted(getattr(row, column))}' for name, column in chosen.items())}"


def _row_to_decide(journal: Journal, digest: str) -> Attempt | None:
    """The row that a decision is about: an update in doubt, else the latest attempt to create the object."""
    update = journal.latest_update(digest)
    return update if update is not None and update.state in OPEN else journal.latest(digest)
