"""The plugin and connection that the doctor checks: settings, client, and what Stripe has answered so far."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import click
from singer_sdk.plugin_base import PluginBase

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.errors import Misconfigured, PermissionMissing, RequestRefused, StripeError
from stripe_flow.api.message import Answer
from stripe_flow.api.settings import open_client
from stripe_flow.api.spelling import mistyped_variables

T = TypeVar("T", bound=PluginBase)

# A person waits for the answer: enough for a second and a third try, where a run would retry for a minute.
GIVE_UP_AFTER_S = 8.0
# All requests are for small answers: one that takes longer is stuck.
LONGEST_S = 15.0
SAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command line."""

    config: tuple[str, ...]
    streams: tuple[str, ...] = ()
    catalog: str | None = None
    state: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Stripe's answer to "which account does this key belong to": the account, or the error that hides it."""

    account: Mapping[str, object] | None
    error: StripeError | None
    date_unix: int | None
    here_unix: float


class PluginUnderTest(Generic[T]):
    """A plugin with the settings of `options`. Each property is computed once and may raise StripeFlowError."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.readable: tuple[Client, str] | None = None  # the client and path of a list that the key may read

    def make_plugin(self) -> T:
        """The plugin. Raises Misconfigured or click.ClickException for wrong settings."""
        raise NotImplementedError

    def check_settings(self) -> None:
        """Raises Misconfigured for settings that a run of this plugin refuses before it asks Stripe."""

    @cached_property
    def plugin(self) -> T:
        if not self.options.config:
            raise Misconfigured("there are no settings: add --config FILE for a file, or --config ENV for variables")
        try:
            return self.make_plugin()
        except click.ClickException as error:
            raise Misconfigured(error.format_message()) from None

    @cached_property
    def config(self) -> Mapping[str, Any]:  # Any: settings that the schema has checked
        """The plugin's settings, with shorter timeouts."""
        config = self.plugin.config
        limits = {"give_up_after_s": GIVE_UP_AFTER_S, "timeout_s": LONGEST_S}
        return dict(config) | {name: min(float(config[name]), most_s) for name, most_s in limits.items()}

    @cached_property
    def client(self) -> Client:
        """A client for the account of `account_id`, or the key's own."""
        return open_client(self.config).scoped(self.config.get("account_id"))

    @cached_property
    def reply(self) -> Reply:
        """The reply to a read of the key's account. Raises StripeError without a reply, or for a refused key."""
        answer: Answer[dict[str, object]] | None = None
        error: StripeError | None = None
        try:
            answer = self.client.scoped().get(CHECK_PATH)
        except (PermissionMissing, RequestRefused) as refused:
            error = refused
        refusal = error.refusal if error else None
        return Reply(
            account=answer.value if answer else None,
            error=error,
            date_unix=answer.date_unix if answer else refusal.date_unix if refusal else None,
            here_unix=time.time(),
        )

    @cached_property
    def samples(self) -> Sequence[Answer[dict[str, object]]]:
        """The answers to five small reads; empty where no check found a list that the key may read.

        Raises StripeError.
        """
        if self.reply.account:
            return [self.client.get(CHECK_PATH) for _ in range(SAMPLES)]
        if self.readable is None:
            return []
        client, path = self.readable
        return [client.get(path, {"limit": 1}) for _ in range(SAMPLES)]

    def mistyped_variables(self) -> list[str]:
        """A message for each environment variable whose name is nearly a setting's; empty without `--config ENV`."""
        known = self.plugin.config_jsonschema["properties"]
        variables = os.environ if "ENV" in self.options.config else {}
        return mistyped_variables(self.plugin._env_var_prefix, known, variables)  # noqa: SLF001  # the SDK's own


def may_use_account(error: StripeError | None) -> bool:
    """Whether Stripe lets the key act on the account at all."""
    refusal = error.refusal if isinstance(error, PermissionMissing) else None
    return refusal is None or refusal.code != "account_invalid"
