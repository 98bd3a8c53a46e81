"""Reads a stream of the tap inside this process, as the engine does, but writes no messages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from tap_stripe_flow.accounts import Account
from tap_stripe_flow.reading import Log, Reading
from tap_stripe_flow.run import Run
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA
from tap_stripe_flow.source import Source
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.windows.batch import Batch

SPECS = {spec.name: spec for spec in STREAMS}
_DEFAULTS = {name: each["default"] for name, each in CONFIG_JSONSCHEMA["properties"].items() if "default" in each}
# Customers come from their list, and one request at a time, so that each can be held.
_LISTED = {"customers_mode": "list", "concurrency": 1}


def a_run(config: Mapping[str, object]) -> tuple[Run, Mapping[str, object]]:
    """A run, and its settings with the defaults that the SDK would add."""
    whole = _DEFAULTS | _LISTED | dict(config)
    return Run(whole, logging.getLogger(__name__)), whole


def a_reading(run: Run, account: Account, state: Mapping[str, object], log: Log) -> Reading:
    """One account, from `state` on."""
    return Reading(run.client.scoped(account.stripe_account), account, state, log)


def read_stream(
    stream: str, config: Mapping[str, object], account: str | None, state: Mapping[str, object] | None = None
) -> Iterator[Batch]:
    """The batches of one account, None for the key's own. Raises StripeError."""
    run, whole = a_run(config)
    log = Log(warn=logging.getLogger(__name__).warning, missing=_raise, refused=lambda _, error: _raise(error))
    of = Account(id=account, stripe_account=account)
    yield from Source(SPECS[stream], whole).batches(run, a_reading(run, of, state or {}, log))


def _raise(error: Exception) -> None:
    raise error
