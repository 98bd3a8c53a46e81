"""The tap's settings: the shared settings of the connection, and what to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import SETTINGS
from stripe_flow.api.spelling import suggestion
from tap_stripe_flow.windows.plan import OLDEST
from tap_stripe_flow.windows.span import Span

NOW = "now"
NEW = "new"
CHANGES = "changes"
FIND = "find"

CONFIG_JSONSCHEMA: dict[str, Any] = {  # Any: JSON schema
    "type": "object",
    "properties": SETTINGS
    | {
        "account_ids": {
            "type": "array",
            "items": {"type": "string"},
            "title": "Connected accounts",
            "description": (
                "Accounts to read, each with its own bookmark: acct_…, or `self` for the key's own account. [all]: "
                "the key's own account and each connected account that Stripe lists at the start of the run. Records "
                "then have _stripe_account as part of their key. Default: the key's own account, without this field."
            ),
        },
        "streams_at_once": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 8,
            "title": "Streams at once",
            "description": (
                "How many streams and accounts are read at the same time. Together they keep to the rates and to "
                "concurrency."
            ),
        },
        "start_date": {
            "type": "string",
            "title": "Start date",
            "description": (
                "Read objects created from this time on: ISO 8601, UTC unless it has an offset. `now`: only objects "
                "created after Stripe's first answer for the stream and account. Under `capture: changes` older ones "
                "come once they change. Default: all objects."
            ),
        },
        "end_date": {
            "type": "string",
            "title": "End date",
            "description": (
                "Read objects created before this time: ISO 8601, at least overlap_s seconds ago. Default: up to now."
            ),
        },
        "capture": {
            "type": "string",
            "enum": [NEW, CHANGES],
            "default": "new",
            "title": "Capture",
            "description": (
                "`new`: emit each object once. `changes`: also emit it again when Stripe's events say that it changed "
                "or was deleted."
            ),
        },
        "events_gap_days": {
            "type": "integer",
            "minimum": 1,
            "default": 90,
            "title": "Days to read again after a gap",
            "description": (
                "Under `changes`, after more than 30 days without a run: how many days of objects to read again, as "
                "Stripe keeps no older events."
            ),
        },
        "reread_after_h": {
            "type": "integer",
            "minimum": 0,
            "default": 24,
            "title": "Hours until connected accounts are read again",
            "description": (
                "Under `changes`: after how many hours accounts, persons and external_accounts are read whole again, "
                "since Stripe sends their events to the connected accounts. 0: never."
            ),
        },
        "customer_ids": {
            "type": "array",
            "items": {"type": "string"},
            "title": "Customer ids",
            "description": (
                "The stream customers reads exactly these customers, on every run: cus_…, or acct_…/cus_… for a "
                "customer of a connected account."
            ),
        },
        "customers_mode": {
            "type": "string",
            "enum": [FIND, "list"],
            "default": FIND,
            "title": "Customers mode",
            "description": "`find`: read the customers of customer_ids. `list`: read all customers, like charges.",
        },
        "expand": {
            "type": "array",
            "items": {"type": "string"},
            "title": "Expand",
            "description": (
                "References to replace by the whole object, without further requests, in each stream that has them: "
                "customer, balance_transaction, customer.default_source …"
            ),
        },
        "discover_permitted_only": {
            "type": "boolean",
            "default": False,
            "title": "Discover permitted streams only",
            "description": "Discovery requests one object of each stream and omits streams that the key may not read.",
        },
        "overlap_s": {
            "type": "integer",
            "minimum": 0,
            "default": 600,
            "title": "Overlap in seconds",
            "description": (
                "The tap still emits an object that Stripe shows up to this many seconds after its `created`."
            ),
        },
    },
    "required": ["api_key"],
}


def read_span(config: Mapping[str, Any]) -> Span:  # Any: JSON
    """The range of creation times that start_date and end_date select. Raises Misconfigured for an invalid range."""
    is_now = config.get("start_date") == NOW
    start = OLDEST if is_now else _unix(config, "start_date")
    end = _unix(config, "end_date")
    if end is not None and (is_now or (start is not None and start >= end)):
        raise Misconfigured("setting start_date must be before end_date: the range between them is empty")
    return Span(start=None if is_now else OLDEST if start is None else start, end=end, overlap_s=config["overlap_s"])


# Words that a setting takes instead of a date.
_WORDS = {"start_date": (NOW,)}


def _unix(config: Mapping[str, Any], name: str) -> int | None:  # Any: JSON
    text = config.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        words = _WORDS.get(name, ())
        forms = ", ".join(("a date like 2026-01-31 or 2026-01-31T12:00:00Z", *(f"or `{word}`" for word in words)))
        raise Misconfigured(f"setting {name} must be {forms}, not {text!r}{suggestion(str(text), words)}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
