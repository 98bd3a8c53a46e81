"""What lists, logs, messages and reports show of a source key: a key that may be a person's is a hash.

A key is shown only where it surely is a number of a table, a code or an id. Names, addresses, telephone numbers, dates
of birth and the numbers of passports and accounts have no form of their own, so any other key may be one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stripe_flow.api.card_numbers import holds_card_number
from stripe_flow.api.stripe_ids import is_stripe_id

_NOUNS = (
    "account|acct|booking|case|ch|charge|cus|cust|customer|doc|id|inv|invoice|item|key|line|no|nr|num|ord|order|pay|"
    "payment|plan|po|price|prod|product|rec|record|ref|refund|row|shop|sku|so|sub|subscription|test|ticket|tx|txn|user"
)
# A year has no letter alone before it: c1990 may be a name with a year of birth.
_PLAIN = re.compile(
    r"0|[1-9][0-9]{0,8}"  # ten digits may be a telephone number, and so may fewer after a zero
    rf"|(?i:{_NOUNS})(?:[-_/.:#]?20[0-9]{{2}})?[-_/.:#]?[0-9]{{1,15}}"
    r"|(?!.(?:19|20)[0-9]{2}\Z)[A-Za-z][0-9]{1,6}|[A-Za-z][-_/.:#](?!(?:19|20)[0-9]{2}\Z)[0-9]{1,15}"
    r"|20[2-9][0-9](?:[-_/.][0-9]{1,9}){1,2}"  # a year, and the number of a document
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{32,64}"  # a UUID, a hash
    r"|[0-7][0-9A-HJKMNP-TV-Z]{25}"  # a ULID
)


def is_plain_key(source_key: Sequence[str]) -> bool:
    """Whether no part of the key can be personal data or a card number (pure); an empty key is none."""
    return bool(source_key) and all(
        (_PLAIN.fullmatch(part) or is_stripe_id(part)) and not holds_card_number(part) for part in source_key
    )


def shown_key(source_key: Sequence[str] | None, digest: str) -> str:
    """The key as text, or `digest`, the hash that the commands take as a KEY too (pure)."""
    return ",".join(source_key) if source_key and is_plain_key(source_key) else digest


def shown_object_id(stripe_id: str | None) -> str | None:
    """An object's id (pure); `…` where a user has chosen it, as of a product, and it may be personal data."""
    return stripe_id if stripe_id is None or is_stripe_id(stripe_id) or is_plain_key((stripe_id,)) else "…"
