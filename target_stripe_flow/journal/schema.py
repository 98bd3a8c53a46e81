"""The journal's tables.

`attempts` is the product in one table. A row is one attempt to make one thing at Stripe. It is written, durably,
before the first byte leaves, and once more when it is known what became of it. Whatever dies in between, the row says
what was going to be sent, to the byte, under which idempotency key, and when; so the next run can ask Stripe what
happened instead of doing it again.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

from target_stripe_flow.attempts.lifecycle import OPEN

METADATA = MetaData()

attempts = Table(
    "attempts",
    METADATA,
    # Which thing: the identity's hash, as in the idempotency key and in metadata[stripe_flow], and which attempt at it.
    Column("digest", String(32), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    # 0 is the attempt to make it; 1, 2, 3 … are the updates of what it made.
    Column("revision", Integer, primary_key=True, autoincrement=False),
    # The identity in words. After `journal rebuild` the last two are unknown until the record comes again.
    Column("account", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("source_name", Text),
    Column("source_key", Text),  # a JSON list of texts
    # The record: a hash of the parameters picked from it, and which list of parameters was accepted then. Of a row that
    # has been updated since: those of the update, and nothing while one is open.
    Column("fingerprint", String(32)),
    Column("accepted", String(32)),
    # The request, to the byte. The body is erased once the attempt is settled.
    Column("path", Text),
    Column("body", LargeBinary),
    Column("api_version", Text),
    Column("stripe_account", Text),  # the header, if one was sent
    Column("idempotency_key", Text),
    # Stripe's time, in Unix seconds.
    Column("first_sent_unix", BigInteger),
    Column("last_sent_unix", BigInteger),
    Column("settled_unix", BigInteger),
    # What became of it: see `lifecycle.State`.
    Column("state", Text, nullable=False),
    Column("stripe_id", Text),
    Column("payment_intent", Text),  # of a charge that was made by way of one
    Column("request_id", Text),
    # Where it went wrong: facts of Stripe's answer, and our own words, which never quote a record.
    Column("http_status", Integer),
    Column("code", Text),
    Column("decline_code", Text),
    Column("param", Text),
    Column("reason", Text),
    # In whose hands it is, where several processes share a journal: one of `owners`, until it is settled.
    Column("owner", String(32)),
    # Of what moves money, in minor units: as it was ordered, and as Stripe says it is once that is known. Both or
    # neither; neither in rows of the first release.
    Column("amount", BigInteger),
    Column("currency", Text),
    sqlite_with_rowid=False,
)

_is_open = attempts.c.state.in_(sorted(OPEN))
# The few rows that a run looks at first, whatever the size of the journal. The same on PostgreSQL (see `migrations`);
# to say so here would have every start load that database's whole dialect.
Index("open_attempts", attempts.c.account, attempts.c.mode, sqlite_where=_is_open)

# Which parameters an action took when a fingerprint was made: a parameter that is accepted only since then does not
# make an old record a changed one.
accepted_lists = Table(
    "accepted_lists",
    METADATA,
    Column("accepted", String(32), primary_key=True),
    Column("shape", Text, nullable=False),  # JSON
)

# The processes that share the journal: until when each is alive, by the database's clock, and how long after that
# moment a look must wait for what it may have been about to send.
owners = Table(
    "owners",
    METADATA,
    Column("owner", String(32), primary_key=True),
    Column("process", Text, nullable=False),  # for people: its machine and its pid there
    Column("alive_until_unix", Double, nullable=False),
    Column("scan_after_s", Double, nullable=False),
)

# Which of the migrations in `migrations` have been applied.
versions = Table(
    "journal_versions",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
)
