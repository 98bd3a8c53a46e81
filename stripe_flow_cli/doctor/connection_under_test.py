"""The connection that is looked at: its settings, its client, and what Stripe has answered so far."""

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

# Who asks sits there and waits: enough for a second and a third try, where a run would go on for a minute.
GIVE_UP_AFTER_S = 8.0
# All that is asked for is small: what takes longer is stuck.
LONGEST_S = 15.0
SAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the command line says."""

    config: tuple[str, ...]
    streams: tuple[str, ...] = ()
    catalog: str | None = None
    state: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Stripe's answer to whose key this is: the account, or why it is not told."""

    account: Mapping[str, object] | None
    error: StripeError | None
    date_unix: int | None
    here_unix: float


class PluginUnderTest(Generic[T]):
    """Each property asks once. Raises StripeFlowError."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.readable: tuple[Client, str] | None = None  # a list that is known to answer

    def make_plugin(self) -> T:
        raise NotImplementedError

    def check_settings(self) -> None:
        """Raises Misconfigured for what a run of this plugin would find wrong before it asks Stripe."""

    @cached_property
    def plugin(self) -> T:
        if not self.given.config:
            raise Misconfigured("no settings were given: --config FILE reads a file, --config ENV the environment")
        try:
            return self.make_plugin()
        except click.ClickException as error:
            raise Misconfigured(error.format_message()) from None

    @cached_property
    def config(self) -> Mapping[str, Any]:  # Any: settings that the schema has checked
        given = self.plugin.config
        limits = {"give_up_after_s": GIVE_UP_AFTER_S, "timeout_s": LONGEST_S}
        return dict(given) | {name: min(float(given[name]), most_s) for name, most_s in limits.items()}

    @cached_property
    def client(self) -> Client:
        return open_client(self.config).scoped(self.config.get("account_id"))

    @cached_property
    def reply(self) -> Reply:
        """To the read that every key may try. Raises StripeError where none comes, or the key is not taken."""
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
        """Some cheap reads of what the key may read, none where nothing is known to be. Raises StripeError."""
        if self.reply.account:
            return [self.client.get(CHECK_PATH) for _ in range(SAMPLES)]
        if self.readable is None:
            return []
        client, path = self.readable
        return [client.get(path, {"limit": 1}) for _ in range(SAMPLES)]

    def mistyped_variables(self) -> list[str]:
        """What to say of variables of the environment that miss a setting narrowly, where they are looked at."""
        known = self.plugin.config_jsonschema["properties"]
        variables = os.environ if "ENV" in self.given.config else {}
        return mistyped_variables(self.plugin._env_var_prefix, known, variables)  # noqa: SLF001  # the SDK's own


def answers_to_key(error: StripeError | None) -> bool:
    """Whether Stripe lets this key act for the account at all."""
    refusal = error.refusal if isinstance(error, PermissionMissing) else None
    return refusal is None or refusal.code != "account_invalid"
