"""The journal's tables.

A row of `attempts` is one attempt to create or update one object at Stripe. It is stored before the first byte is
sent, and updated when the outcome is known. If the process dies in between, the row has the exact bytes of the request,
its idempotency key and the time, so the next run can ask Stripe what happened instead of sending a new request.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

from target_stripe_flow.attempts.lifecycle import OPEN

METADATA = MetaData()

attempts = Table(
    "attempts",
    METADATA,
    # The identity's hash, as in the idempotency key and in metadata[stripe_flow], and the number of the attempt.
    Column("digest", String(32), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    # 0 creates the object; 1, 2, 3 … update it.
    Column("revision", Integer, primary_key=True, autoincrement=False),
    # The identity. After `journal rebuild` the last two are NULL until the record is read again.
    Column("account", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("source_name", Text),
    Column("source_key", Text),  # a JSON array of strings
    # The record: a hash of its parameters, and the name of the list of parameters that was accepted then. After an
    # update of the object: those of the update that was applied last. Earlier releases emptied it while an update was
    # open.
    Column("fingerprint", String(32)),
    Column("accepted", String(32)),
    # The exact request. The body is erased once the attempt is settled.
    Column("path", Text),
    Column("body", LargeBinary),
    Column("api_version", Text),
    Column("stripe_account", Text),  # the Stripe-Account header, if it was sent
    Column("idempotency_key", Text),
    # Unix seconds of Stripe's clock.
    Column("first_sent_unix", BigInteger),
    Column("last_sent_unix", BigInteger),
    Column("settled_unix", BigInteger),
    # The outcome; see `lifecycle.State`.
    Column("state", Text, nullable=False),
    Column("stripe_id", Text),
    Column("payment_intent", Text),  # of a charge that was created through a PaymentIntent
    Column("request_id", Text),
    # Stripe's error, and our reason, which never quotes a record.
    Column("http_status", Integer),
    Column("code", Text),
    Column("decline_code", Text),
    Column("param", Text),
    Column("reason", Text),
    # The process that owns the row until it is settled, one of `owners`; NULL in a file, which has one process.
    Column("owner", String(32)),
    # For actions that move money, in minor units: the amount of the record, then the amount that Stripe returns. Both
    # are set or both are NULL; NULL in rows of the first release.
    Column("amount", BigInteger),
    Column("currency", Text),
    # Which parameters the record had, and twelve bits of a hash of each, so that the reject of a changed record names
    # those that differ; see actions/fingerprint.py. NULL in rows of earlier releases.
    Column("field_marks", Text),
    sqlite_with_rowid=False,
)

_is_open = attempts.c.state.in_(sorted(OPEN))
# A run reads these few rows first, whatever the size of the journal. PostgreSQL has the same index (see `migrations`);
# declaring it here would load that database's whole dialect at each start.
Index("open_attempts", attempts.c.account, attempts.c.mode, sqlite_where=_is_open)
# Which accounts have rows: those of `sources`, and these.
Index("rebuilt_attempts", attempts.c.account, attempts.c.mode, sqlite_where=attempts.c.source_name.is_(None))

# The parameters that an action accepted when a fingerprint was made. A parameter that a later release accepts does not
# count as a change of an old record.
accepted_lists = Table(
    "accepted_lists",
    METADATA,
    Column("accepted", String(32), primary_key=True),
    Column("shape", Text, nullable=False),  # JSON
)

# What the journal may lack: objects of these actions that Stripe has created since `since_unix` (0: ever), by Stripe's
# clock. A run sends no record of these actions until `journal rebuild` has read their lists; see `incomplete`.
needs_rebuild = Table(
    "needs_rebuild",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("mode", Text, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("since_unix", BigInteger, nullable=False),
)

# The processes that share the journal: the end of each one's lease, by the database's clock, and how long after that
# end a scan is safe.
owners = Table(
    "owners",
    METADATA,
    Column("owner", String(32), primary_key=True),
    Column("process", Text, nullable=False),  # for people: host name and pid
    Column("alive_until_unix", Double, nullable=False),
    Column("scan_after_s", Double, nullable=False),
)

# Which account an account_label is: as a key of that account read it, or as a person said it.
account_labels = Table(
    "account_labels",
    METADATA,
    Column("label", Text, primary_key=True),
    Column("mode", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("said_by", Text, nullable=False),  # `key` or `person`
)

# What a run must find again in each source of an action, or its rows would get other identities; see `sources`.
sources = Table(
    "sources",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("mode", Text, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("source_name", Text, primary_key=True),
    Column("streams", Text, nullable=False),  # a JSON array: the input streams, before stream maps
    Column("key_names", Text),  # a JSON array: the key properties in order; NULL until a run has read them
    Column("is_added", Integer, nullable=False),  # 1: `journal source add` named it
    Column("bound_by", String(32), nullable=False),  # the run that remembered it first; empty: an older release
    sqlite_with_rowid=False,
)

# The migrations that have been applied; see `migrations`.
versions = Table("journal_versions", METADATA, Column("version", Integer, primary_key=True, autoincrement=False))
