"""The records in the warehouse, the objects at Stripe, and Meltano's state."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tests.scale.airflow import Airflow
from tests.scale.conftest import ACCOUNTS
from tests.support.postgres import asked
from tests.support.sandbox import Sandbox

TICKS = "meltano__stripe-to-postgres-every-10m"
BACKFILL = f"{TICKS}__backfill"
STREAMS = ("charges", "refunds")

Key = tuple[str, str]


def in_warehouse(airflow: Airflow) -> Counter[Key]:
    """The number of rows of each charge in PostgreSQL."""
    schema = airflow.settings["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"]
    rows = asked(airflow.settings["WAREHOUSE_URL"], f"SELECT _stripe_account, id FROM {schema}.charges")
    return Counter((str(account), str(charge)) for account, charge in rows)


def written_as_jsonl(airflow: Airflow) -> Counter[Key]:
    """The number of lines of each charge in the JSONL file."""
    lines = (Path(airflow.settings["TARGET_JSONL_DESTINATION_PATH"]) / "charges.jsonl").read_text().splitlines()
    return Counter((each["_stripe_account"], each["id"]) for each in map(json.loads, lines))


def at_stripe(world: Sandbox, before: int | None = None) -> set[Key]:
    """All charges, or those created before a second."""
    return {
        (account, each["id"])
        for account in ACCOUNTS
        for each in world.objects("charge", account)
        if before is None or each["created"] < before
    }


def is_done(airflow: Airflow, slice_name: str, end_date: str) -> bool:
    """Whether Meltano has the last STATE of a slice, with each stream at the slice's end."""
    state_id = f"dev:tap-stripe-flow-to-target-postgres:{slice_name}"
    url = airflow.settings["MELTANO_DATABASE_URI"].replace("+psycopg", "")
    kept = asked(url, f"SELECT completed_state, partial_state FROM state WHERE state_id = '{state_id}'")
    reached = [end for states in kept for state in states if state for end in _ends(json.loads(state))]
    return len(reached) >= len(STREAMS) and min(reached) >= datetime.fromisoformat(end_date).timestamp()


def _ends(state: object) -> Iterator[int]:
    """Every bookmark in a state."""
    if isinstance(state, dict):
        for name, value in state.items():
            yield from [value] if name == "replication_key_value" else _ends(value)
    elif isinstance(state, list):
        for each in state:
            yield from _ends(each)
