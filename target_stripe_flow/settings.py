"""The target's settings: those of the connection, what identities are made of, and what to do with rejects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stripe_flow.api.connection import Connection, Mode
from stripe_flow.api.errors import Misconfigured
from stripe_flow.api.settings import SETTINGS
from target_stripe_flow.journal.location import JOURNAL_FILE, location_of

REJECTS_FILE = "stripe-flow-rejects.jsonl"

CONFIG_JSONSCHEMA: dict[str, object] = {
    "type": "object",
    "properties": SETTINGS
    | {
        "account_id": {
            "type": "string",
            "title": "Account",
            "description": (
                "The Stripe account to act for (acct_…), a part of every record's identity. Default: the key's own."
            ),
        },
        "account_label": {
            "type": "string",
            "title": "Account label",
            "description": (
                "A name for the account in identities, needed only where the key may not read its own account."
            ),
        },
        "source_name": {
            "type": "string",
            "default": "default",
            "title": "Source name",
            "description": "Where the rows come from: equal keys of two sources are two records. Part of the identity.",
        },
        "allow_live": {
            "type": "boolean",
            "default": False,
            "title": "Allow live",
            "description": "A live key is refused unless this is true: real money moves.",
        },
        "dry_run": {
            "type": "boolean",
            "default": False,
            "title": "Dry run",
            "description": (
                "Check every record and say what would become of it; send nothing, print no STATE, write neither "
                "journal nor rejects."
            ),
        },
        "journal_url": {
            "type": "string",
            "secret": True,
            "title": "Journal",
            "description": (
                "Where it is written down what was sent: sqlite:////absolute/path.db or sqlite:///relative/path.db, "
                "or, for several workers at once, postgresql://user:password@host:5432/database. "
                f"Default: {JOURNAL_FILE} in the Meltano project, else in the working folder. One per connection."
            ),
        },
        "on_change": {
            "type": "string",
            "enum": ["reject", "ignore", "update"],
            "default": "reject",
            "title": "On change",
            "description": (
                "What to do with a changed record of a customer or product that exists: reject it, leave the object as "
                "it is, or update it. A changed charge, refund or price is always rejected."
            ),
        },
        "match_customers_by": {
            "type": "string",
            "enum": ["email"],
            "title": "Match customers by",
            "description": (
                "`email`: before a customer is created, one with the same e-mail address is looked for and taken. "
                "Several are a reject that names them. Default: customers are not matched."
            ),
        },
        "product_id_from_key": {
            "type": "boolean",
            "default": False,
            "title": "Product id from key",
            "description": "Give each product its source key for an id. Default: Stripe makes one up.",
        },
        "charge_with": {
            "type": "string",
            "enum": ["charges", "payment_intents"],
            "default": "charges",
            "title": "Charge with",
            "description": (
                "How a charge is created: directly, or by way of a PaymentIntent, for accounts that may not create "
                "charges directly any more. The records are the same."
            ),
        },
        "metadata_source_key": {
            "type": "boolean",
            "default": False,
            "title": "Source key in metadata",
            "description": (
                "Write the source key as it is into metadata[stripe_flow_source_key] of what is created. "
                "Default: only its hash goes to Stripe."
            ),
        },
        "rejects_path": {
            "type": "string",
            "title": "Rejects file",
            "description": (
                f"Where rejected and declined records go, a file for each process. Default: {REJECTS_FILE} beside the "
                "journal's file, or where that would be."
            ),
        },
        "on_reject": {
            "type": "string",
            "enum": ["continue", "fail"],
            "default": "continue",
            "title": "On reject",
            "description": "Go on after a rejected record, or stop the run at it.",
        },
        "max_rejects": {
            "type": "integer",
            "minimum": 0,
            "title": "Most rejects",
            "description": "Stop the run once more records than this were rejected. Default: no limit.",
        },
    },
    "required": ["api_key"],
}


def rejects_path(config: Mapping[str, object]) -> Path:
    """Where rejects go: beside the journal, or a path below the Meltano project, if there is one."""
    given = config.get("rejects_path")
    if not given:
        return location_of(config).folder / REJECTS_FILE
    return Path(os.environ.get("MELTANO_PROJECT_ROOT", ".")) / str(given)


def refuse_live(connection: Connection, config: Mapping[str, object]) -> None:
    """Raises Misconfigured for a live key that nobody has allowed."""
    if connection.key.mode is Mode.LIVE and not config.get("allow_live"):
        raise Misconfigured(
            "setting api_key holds a live key, and real money would move: set allow_live to true if that is meant, "
            "or use a test key"
        )
