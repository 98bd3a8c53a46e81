"""A row of the journal as the commands print it."""

from __future__ import annotations

from datetime import UTC, datetime

from stripe_flow.api.stripe_ids import shown_param
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.shown_key import shown_key, shown_object_id
from target_stripe_flow.attempts.vocabulary import WORDS
from target_stripe_flow.execution.source_problems import shown


def format_time(unix: int | None) -> str:
    """A time by Stripe's clock as ISO 8601; `-` where there is none."""
    return "-" if unix is None else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key_or_hash(row: Attempt, *, show_keys: bool) -> str:
    """The source key, or the row's hash where the key may be personal data."""
    return ",".join(row.source_key) if show_keys and row.source_key else shown_key(row.source_key, row.digest)


def _object_id(row: Attempt, *, show_keys: bool) -> str | None:
    return row.stripe_id if show_keys else shown_object_id(row.stripe_id)


def members_of(row: Attempt, *, show_keys: bool) -> dict[str, object]:
    """The members that `--json` prints of a row."""
    return {
        "action": row.action,
        "source_name": row.source_name,
        "source_key": _key_or_hash(row, show_keys=show_keys),
        "account": row.account,
        "mode": row.mode,
        "attempt": row.attempt,
        "state": row.state.value,
        "stripe_id": _object_id(row, show_keys=show_keys),
        "request_id": row.request_id,
        "reason": row.reason or row.decline_code or row.code,
    }


def details_of(row: Attempt, *, show_keys: bool) -> dict[str, object]:
    """All members of a row, without its body."""
    return members_of(row, show_keys=show_keys) | {
        "means": WORDS[row.state].means,
        "hash": row.digest,
        "revision": row.revision,
        "payment_intent": row.payment_intent,
        "idempotency_key": row.idempotency_key,
        "api_version": row.api_version,
        "first_sent": format_time(row.first_sent_unix),
        "last_sent": format_time(row.last_sent_unix),
        "settled": format_time(row.settled_unix),
        "http_status": row.http_status,
        "code": row.code,
        "decline_code": row.decline_code,
        "param": None if row.param is None else shown_param(row.param),
    }


def line_of(row: Attempt, *, show_keys: bool) -> str:
    """A row as one line of text."""
    key, sent = f"{row.action}:{_key_or_hash(row, show_keys=show_keys)}", format_time(row.last_sent_unix)
    source, made = "-" if row.source_name is None else shown(row.source_name), _object_id(row, show_keys=show_keys)
    line = f"{key:44}  {source:12}  {row.attempt:>3}  {row.state.value:11}  {made or '-':28}  {sent}"
    return f"{line}  {row.reason or row.decline_code or row.code or ''}".rstrip()
