"""One row of the journal, or one line of the rejects file → what the page says of it (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stripe_flow_cli.report import currencies
from stripe_flow_cli.report.declines import WORDS
from stripe_flow_cli.report.model import Item
from stripe_flow_cli.report.outcomes import STATES
from stripe_flow_cli.report.private import shown_field, shown_text
from stripe_flow_cli.report.rejected import Reject
from stripe_flow_cli.report.times import moment
from target_stripe_flow.attempts.identity import joined


def of_row(row: Any, *, shows_key: bool, is_shared: bool) -> Item:  # Any: a row of `asking.waiting`
    """By default its hash stands for its source key, which may be a person's. `is_shared`: it says whose it is."""
    key = joined(tuple(json.loads(row.source_key))) if row.source_key else ""
    by_hash = f"{row.action}:{row.digest}"
    amount = currencies.shown(row.amount, row.currency) if row.currency and row.amount is not None else ""
    return Item(
        name=f"{row.action}:{key}" if shows_key and key else by_hash,
        action=row.action,
        when=moment(row.when_unix),
        amount=amount,
        reason=_reason(row),
        owner=" · ".join((row.account, row.mode, row.source_name or "source not known")) if is_shared else "",
        # A product's id may be its source key.
        stripe_id=row.stripe_id if row.stripe_id and (shows_key or row.stripe_id != key) else "",
        request_id=row.request_id or "",
        commands=tuple(command.format(key=by_hash) for command in STATES[row.state].commands),
    )


def of_reject(reject: Reject, *, shows_key: bool) -> Item:
    where = "" if reject.line is None else f"line {reject.line:,} of its input"
    return Item(
        name=f"{reject.stream}:{shown_text(joined(reject.source_key))}" if shows_key and reject.source_key else where,
        action=reject.stream,
        when=moment(reject.at_unix),
        reason=reject.reason if reject.reason.startswith(reject.field) else f"{reject.field}: {reject.reason}",
        line=reject.line,
    )


def _reason(row: Any) -> str:  # Any: as above
    code = row.decline_code or row.code or ""
    field = shown_field(row.param or "")
    said = " · ".join(filter(None, (shown_text(code) if code else "", f"field {field}" if field else "")))
    words = WORDS.get(code) or (shown_text(row.reason) if row.reason else "")
    return " — ".join(filter(None, (said, words)))


def shares(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """How many rows of each group fit into `most`, so that a large group does not hide a small one."""
    left, given = most, dict.fromkeys(counts, 0)
    hungry = [name for name, count in counts.items() if count]
    while left and hungry:
        fair = max(1, left // len(hungry))
        for name in hungry:
            more = min(fair, counts[name] - given[name], left)
            given[name] += more
            left -= more
        hungry = [name for name in hungry if given[name] < counts[name]]
    return given
