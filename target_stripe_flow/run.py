"""One run of the target: everything that its sinks and its workers share, made once and by one thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from stripe_flow.api.client import Client
from stripe_flow.api.errors import Misconfigured, NotFound, RightMissing
from stripe_flow.api.settings import open_client
from stripe_flow.singer.writer import write_whole
from target_stripe_flow.accounts import Accounts
from target_stripe_flow.dispatcher import Dispatcher, State
from target_stripe_flow.identity import Scope
from target_stripe_flow.performing import Performer, identified
from target_stripe_flow.reader import MessageReader
from target_stripe_flow.rejects import Rejects
from target_stripe_flow.settings import refuse_live, rejects_path

Config = Mapping[str, Any]  # Any: settings that the schema has checked


class Run:
    """Raises Misconfigured for settings that only code can check, AccountTrouble where Stripe refuses the key."""

    def __init__(self, config: Config, reader: MessageReader) -> None:
        client = open_client(config)
        refuse_live(client.connection, config)
        self.reader = reader
        self.client = client.scoped(config.get("account_id"))
        self.scope = Scope(
            account=str(config.get("account_id") or own_account(self.client, config)),
            mode=client.connection.key.mode.value,
            source_name=config["source_name"],
        )
        self.performer = Performer(self.client)
        most = 0 if config["on_reject"] == "fail" else config.get("max_rejects")
        self.accounts = Accounts(Rejects(rejects_path(config)), most_rejects=cast("int | None", most))
        self.dispatcher = Dispatcher(
            workers=config["concurrency"], emit=print_state, wake=reader.wake, look_up=reader.on_wake
        )

    def stop(self) -> None:
        """Begin nothing more and resend nothing more; what is on its way to Stripe is finished."""
        self.dispatcher.stop()
        self.client.stopping.set()


def own_account(client: Client, config: Config) -> str:
    """The key's account; restricted keys may not be allowed to read it, and then a person must name it."""
    try:
        return identified(client.get("/v1/account"), "GET /v1/account")
    except (RightMissing, NotFound):
        label = config.get("account_label")
        if not label:
            raise Misconfigured(
                "the key may not read its own account, which is part of every record's identity: set account_id to "
                "the account's id (acct_…), or account_label to a name of your own that you never change"
            ) from None
        return str(label)


def print_state(value: State) -> None:
    write_whole(bytearray(json.dumps(value).encode() + b"\n"))
