"""Whether Stripe refused two records for the same reason: the same facts and, without values, the same text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stripe_flow.api.errors import Refusal

# What differs from record to record, whatever it is: e-mail addresses, ids, amounts, times, and what is quoted.
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\S*[\d@]\S*")


def are_alike(one: Refusal, other: Refusal, texts: frozenset[str]) -> bool:
    """Whether the refusals have the same status, type and code, and texts that differ only in values (pure).

    `texts` are the values of both records.
    """
    facts = [(each.http_status, each.type, each.code) for each in (one, other)]
    said = [_without_values(each.message, texts) for each in (one, other)]
    return facts[0] == facts[1] and said[0] == said[1]


def texts_of(value: object) -> frozenset[str]:
    """Every text and number at any depth of a JSON value (pure)."""
    if isinstance(value, Mapping):
        return frozenset().union(*map(texts_of, value.values()))
    if isinstance(value, list | tuple):
        return frozenset().union(*map(texts_of, value))
    return frozenset() if value is None or isinstance(value, bool) or value == "" else frozenset({str(value)})


def _without_values(message: str, texts: frozenset[str]) -> str:
    longest_first = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    if longest_first:
        message = re.sub(rf"(?<!\w)(?:{longest_first})(?!\w)", "…", message, flags=re.IGNORECASE)
    return " ".join(_VARYING.sub("…", message).split())
