"""The target's settings: the connection, the parts of an identity, the journal, and rejects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stripe_flow.api.connection import Connection, Mode
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import SETTINGS
from target_stripe_flow.execution.sources import SourceNames
from target_stripe_flow.journal.location import JOURNAL_FILE, Location, location_of
from target_stripe_flow.results.text import is_utf8

REJECTS_FILE = "stripe-flow-rejects.jsonl"

CONFIG_JSONSCHEMA: dict[str, object] = {
    "type": "object",
    "properties": SETTINGS
    | {
        "account_id": {
            "type": "string",
            "title": "Account",
            "description": (
                "The Stripe account that the target writes to (acct_…). Part of each record's identity. Default: the "
                "key's own account."
            ),
        },
        "account_label": {
            "type": "string",
            "title": "Account label",
            "description": (
                "A name for the account in identities. Needed only if the key may not read its own account. The "
                "journal remembers which account it is."
            ),
        },
        "source_name": {
            "type": "string",
            "title": "Source name",
            "description": (
                "A name that you choose for the source of the rows, such as the shop or the database: equal keys of "
                "two sources are two records. Part of the identity: with another name every record is ordered again. "
                "`default` continues a journal from before this setting was required."
            ),
        },
        "source_names": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "title": "Source names",
            "description": (
                "The source_name of single input streams, by their names before stream maps: "
                '{"orders_eu": "shop_eu", "orders_us": "shop_us"}. Default: source_name for every stream.'
            ),
        },
        "allow_live": {
            "type": "boolean",
            "default": False,
            "title": "Allow live",
            "description": "Allow a live key, with which real money moves. Without it a live key is refused.",
        },
        "dry_run": {
            "type": "boolean",
            "default": False,
            "title": "Dry run",
            "description": (
                "Check every record and report its status. Send nothing that creates or changes an object, print no "
                "STATE, write neither journal nor rejects."
            ),
        },
        "journal_url": {
            "type": "string",
            "secret": True,
            "title": "Journal",
            "description": (
                "The database in which the target stores each request before it sends it: "
                "sqlite:////absolute/path.db or sqlite:///relative/path.db, or, for several workers at once, "
                "postgresql://user:password@host:5432/database. "
                f"Default: {JOURNAL_FILE} in the Meltano project, else in the working folder. One per connection."
            ),
        },
        "on_change": {
            "type": "string",
            "enum": ["reject", "ignore", "update"],
            "default": "reject",
            "title": "On change",
            "description": (
                "What to do with a changed record of a customer or product that exists: reject the record, ignore the "
                "change, or update the object. A changed charge, refund or price is always rejected."
            ),
        },
        "match_customers_by": {
            "type": "string",
            "enum": ["email"],
            "title": "Match customers by",
            "description": (
                "`email`: before the target creates a customer, it searches for one with the same e-mail address and "
                "uses it. If several have it, the record is rejected. Default: customers are not matched."
            ),
        },
        "product_id_from_key": {
            "type": "boolean",
            "default": False,
            "title": "Product id from key",
            "description": "Use the source key as the product's id. Default: Stripe generates the id.",
        },
        "charge_with": {
            "type": "string",
            "enum": ["charges", "payment_intents"],
            "default": "charges",
            "title": "Charge with",
            "description": (
                "How to create a charge: directly, or through a PaymentIntent, for accounts that may not create "
                "charges directly any more. The records are the same."
            ),
        },
        "metadata_source_key": {
            "type": "boolean",
            "default": False,
            "title": "Source key in metadata",
            "description": (
                "Write the source key as it is into metadata[stripe_flow_source_key] of each created object. "
                "Default: only its hash is sent to Stripe."
            ),
        },
        "rejects_path": {
            "type": "string",
            "title": "Rejects file",
            "description": (
                f"The file for rejected and declined records; each process needs its own. Default: {REJECTS_FILE} "
                "beside the journal's file; with PostgreSQL in the Meltano project, else in the working folder."
            ),
        },
        "on_reject": {
            "type": "string",
            "enum": ["continue", "fail"],
            "default": "continue",
            "title": "On reject",
            "description": "Continue after a rejected or declined record, or stop the run at it.",
        },
        "max_rejects": {
            "type": "integer",
            "minimum": 0,
            "title": "Most rejects",
            "description": "Stop the run once more than this many records were rejected or declined. Default: none.",
        },
    },
    "required": ["api_key", "source_name"],
}


def read_source_names(config: Mapping[str, Any]) -> SourceNames:
    """The settings source_name and source_names.

    Raises Misconfigured where source_name is missing or a name is no text for a database, and JournalBroken if the
    journal, whose names the message lists, cannot be read.
    """
    name, by_stream = config.get("source_name"), config.get("source_names") or {}
    if not name:
        raise Misconfigured(_describe_missing_name(location_of(config)))
    for each in (name, *by_stream.values()):
        if not each or not is_utf8(each) or "\0" in each:
            raise Misconfigured("setting source_name and each name in source_names must be text, and not empty")
    return SourceNames(default=name, by_stream=by_stream)


def _describe_missing_name(location: Location) -> str:
    names = [json.dumps(name, ensure_ascii=False) for name in location.source_names()] if location.is_there() else []
    known = f"the journal {location} has {', '.join(names) or 'no name yet'}"
    return (
        f"setting source_name is missing and has no default: {known}. A new connection takes a name of its own, such "
        "as the name of the shop; `source_name: default` continues a journal from before it was required. With "
        "another name every record is ordered again"
    )


def refuse_live(connection: Connection, config: Mapping[str, object]) -> None:
    """Raises Misconfigured for a live key without `allow_live`."""
    if connection.key.mode is Mode.LIVE and not config.get("allow_live"):
        raise Misconfigured(
            "setting api_key holds a live key, with which real money moves: set allow_live to true to allow that, or "
            "use a test key"
        )
