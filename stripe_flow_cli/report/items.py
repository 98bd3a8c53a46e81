"""Rows of the journal and lines of the rejects file → items of the page. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stripe_flow_cli.report import currencies
from stripe_flow_cli.report.model import Item
from stripe_flow_cli.report.outcomes import STATES
from stripe_flow_cli.report.private import mask_field, mask_text
from stripe_flow_cli.report.rejects import Reject
from stripe_flow_cli.report.times import format_time
from target_stripe_flow.attempts.identity import joined
from target_stripe_flow.attempts.shown_key import shown_object_id
from target_stripe_flow.results.refusal_codes import WORDS


def item_of_row(row: Any, *, shows_key: bool, is_shared: bool) -> Item:  # Any: a row of `queries.list_not_done`
    """The item of an attempt. A hash replaces the source key, which may be personal data, unless `shows_key`.

    `is_shared`: the journal has rows of several accounts or sources, so the item names its own.
    """
    key = joined(tuple(json.loads(row.source_key))) if row.source_key else ""
    by_hash = f"{row.action}:{row.digest}"
    amount = currencies.format_amount(row.amount, row.currency) if row.currency and row.amount is not None else ""
    return Item(
        name=f"{row.action}:{key}" if shows_key and key else by_hash,
        action=row.action,
        when=format_time(row.when_unix),
        amount=amount,
        reason=_reason(row),
        owner=" · ".join((row.account, row.mode, row.source_name or "source not known")) if is_shared else "",
        # The source key of a product may be its Stripe id.
        stripe_id=(row.stripe_id if shows_key else shown_object_id(row.stripe_id)) or "",
        request_id=row.request_id or "",
        commands=tuple(command.format(key=by_hash) for command in STATES[row.state].commands),
    )


def item_of_reject(reject: Reject, *, shows_key: bool) -> Item:
    """The item of a record that was never sent; its name is its line of the input, or its source key if `shows_key`."""
    line = "" if reject.line is None else f"line {reject.line:,} of its input"
    stream, key = mask_field(reject.stream), joined(tuple(reject.key.values()))
    return Item(
        name=f"{stream}:{mask_text(key)}" if shows_key and key else line,
        action=stream,
        when=format_time(reject.at_unix),
        reason=reject.reason if reject.reason.startswith(reject.field) else f"{reject.field}: {reject.reason}",
        line=reject.line,
        owner=f"source {mask_text(reject.source_name)}" if reject.source_name else "",
    )


def _reason(row: Any) -> str:  # Any: a row of `queries.list_not_done`
    code = row.decline_code or row.code or ""
    field = mask_field(row.param or "")
    codes = " · ".join(filter(None, (mask_text(code) if code else "", f"field {field}" if field else "")))
    words = WORDS.get(code) or (mask_text(row.reason) if row.reason else "")
    return " — ".join(filter(None, (codes, words)))


def divide_rows(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """How many rows each group may list so that all list `most`, and a large group does not hide a small one."""
    left, shares = most, dict.fromkeys(counts, 0)
    unfilled = [name for name, count in counts.items() if count]
    while left and unfilled:
        fair = max(1, left // len(unfilled))
        for name in unfilled:
            more = min(fair, counts[name] - shares[name], left)
            shares[name] += more
            left -= more
        unfilled = [name for name in unfilled if shares[name] < counts[name]]
    return shares
