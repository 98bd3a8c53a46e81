"""The versions of the journal's tables, in order. A release adds entries at the end and never changes earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, select

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.journal.schema import versions


class Outdated(Misconfigured):
    """The journal is from an older release. The next run migrates it."""


# Entry n (from 1) migrates the journal from version n - 1 to version n.
MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """CREATE TABLE attempts (
            digest VARCHAR(32) NOT NULL, attempt INTEGER NOT NULL, revision INTEGER NOT NULL,
            account TEXT NOT NULL, mode TEXT NOT NULL, action TEXT NOT NULL, source_name TEXT, source_key TEXT,
            fingerprint VARCHAR(32), accepted VARCHAR(32),
            path TEXT, body {bytes}, api_version TEXT, stripe_account TEXT, idempotency_key TEXT,
            first_sent_unix BIGINT, last_sent_unix BIGINT, settled_unix BIGINT,
            state TEXT NOT NULL, stripe_id TEXT, payment_intent TEXT, request_id TEXT,
            status INTEGER, code TEXT, decline_code TEXT, param TEXT, reason TEXT,
            holder VARCHAR(32),
            PRIMARY KEY (digest, attempt, revision)
        ){options}""",
        """CREATE INDEX open_attempts ON attempts (account, mode)
            WHERE state IN ('conflict', 'intent', 'parked', 'processing', 'requires_action', 'unknown')""",
        "CREATE TABLE accepted_lists (accepted VARCHAR(32) NOT NULL PRIMARY KEY, shape TEXT NOT NULL)",
        """CREATE TABLE holders (holder VARCHAR(32) NOT NULL PRIMARY KEY, process TEXT NOT NULL,
            alive_until_unix {double} NOT NULL, look_after_s {double} NOT NULL)""",
    ),
    (
        "ALTER TABLE attempts ADD COLUMN amount BIGINT",
        "ALTER TABLE attempts ADD COLUMN currency TEXT",
    ),
    (
        "ALTER TABLE attempts RENAME COLUMN status TO http_status",
        "ALTER TABLE attempts RENAME COLUMN holder TO owner",
        "ALTER TABLE holders RENAME TO owners",
        "ALTER TABLE owners RENAME COLUMN holder TO owner",
        "ALTER TABLE owners RENAME COLUMN look_after_s TO scan_after_s",
    ),
    (
        """CREATE TABLE account_labels (label TEXT NOT NULL, mode TEXT NOT NULL, account TEXT NOT NULL,
            said_by TEXT NOT NULL, PRIMARY KEY (label, mode))""",
        "CREATE INDEX rebuilt_attempts ON attempts (account, mode) WHERE source_name IS NULL",
        # Earlier releases took the object of a conflict for the record's own, unless a person did.
        """UPDATE attempts SET state = 'parked' WHERE state IN ('created', 'updated') AND fingerprint = ''
            AND code = 'idempotency_error' AND (reason IS NULL OR reason <> 'settled by a person')""",
    ),
    (
        """CREATE TABLE sources (
            account TEXT NOT NULL, mode TEXT NOT NULL, action TEXT NOT NULL, source_name TEXT NOT NULL,
            streams TEXT NOT NULL, key_names TEXT, is_added INTEGER NOT NULL, bound_by VARCHAR(32) NOT NULL,
            PRIMARY KEY (account, mode, action, source_name)
        ){options}""",
        # The streams and keys of these sources are not known: the next run binds them.
        """INSERT INTO sources (account, mode, action, source_name, streams, is_added, bound_by)
            SELECT DISTINCT account, mode, action, source_name, '[]', 0, '' FROM attempts
            WHERE source_name IS NOT NULL""",
    ),
    (
        """CREATE TABLE needs_rebuild (account TEXT NOT NULL, mode TEXT NOT NULL, action TEXT NOT NULL,
            since_unix BIGINT NOT NULL, PRIMARY KEY (account, mode, action))""",
    ),
    ("ALTER TABLE attempts ADD COLUMN field_marks TEXT",),
)

# The names of the table of leases, the newest first. The column of the owner is named like it, without the s.
LEASE_TABLES = ("owners", "holders")

# Where the dialects of SQL differ.
_DIALECTS = {
    "sqlite": {"bytes": "BLOB", "double": "DOUBLE", "options": " WITHOUT ROWID"},
    "postgresql": {"bytes": "BYTEA", "double": "DOUBLE PRECISION", "options": ""},
}


def version_of(connection: Connection) -> int:
    """How many migrations were applied to the journal; 0 for an empty database."""
    if not inspect(connection).has_table(versions.name):
        return 0
    return max(connection.execute(select(versions.c.version)).scalars(), default=0)


# Writes the first rows of a new journal, in the transaction that creates it.
Fill = Callable[[Connection], None]


def migrate(connection: Connection, name: str, fill: Fill | None = None) -> None:
    """Apply the missing migrations. The caller holds a transaction that excludes other processes.

    `fill` is called if the journal is new. Raises Misconfigured for a journal of a newer release.
    """
    done = version_of(connection)
    check_version(done, name)
    if done == 0:
        versions.create(connection, checkfirst=True)
    for version, statements in enumerate(MIGRATIONS[done:], done + 1):
        for statement in statements:
            connection.exec_driver_sql(statement.format(**_DIALECTS[connection.dialect.name]))
        connection.execute(versions.insert().values(version=version))
    if done == 0 and fill is not None:
        fill(connection)


def check_version(version: int, name: str) -> None:
    """Raises Misconfigured for a journal of a newer release."""
    if version > len(MIGRATIONS):
        raise Misconfigured(
            f"the journal {name} is of a newer release (its version is {version}, and this release knows "
            f"{len(MIGRATIONS)}): install that release, or set journal_url to another journal"
        )
