"""What a message may show of ids, paths and parameters: nothing that a user has chosen or a record holds.

Products, coupons and plans may have any text as their id, a person's name too, and metadata any text as a name.
"""

from __future__ import annotations

import re

from stripe_flow.api.operations import first_id

HIDDEN = "…"
PREFIX = (
    "(?:acct|ba|btok|card|cba|ch|clock|cn|cs|cus|dp|evt|fee|fr|iauth|ic|ich|idp|ii|il|in|ipi|link|mandate|obj|person|"
    "pi|plan|plink|pm|po|price|prod|promo|prv|py|pyr|qt|rcpt|re|req|rsl|setatt|seti|shr|si|src|sub|sub_sched|tax|"
    "taxcalc|taxreg|tok|tr|trr|trxn|tu|txcd|txi|txn|txr|vs|we)_"
)
# The form of an id that Stripe has made.
_STRIPE_ID = re.compile(rf"{PREFIX}[A-Za-z0-9_]+")
_NAME = re.compile(r"[A-Za-z_]\w{0,63}|\d{0,3}", re.ASCII)
_WORD = re.compile(r"[\w.-]{0,100}", re.ASCII)


def is_stripe_id(text: str) -> bool:
    """Whether `text` has the form of an id that Stripe has made (pure)."""
    return _STRIPE_ID.fullmatch(text) is not None


def shown_id(object_id: str) -> str:
    """An id for a message; `…` if it has not the form of an id that Stripe has made (pure)."""
    return object_id if is_stripe_id(object_id) else HIDDEN


def shown_path(path: str) -> str:
    """A path of the API for a message: ids that are not of Stripe's form become `…` (pure)."""
    parts = path.split("/")
    for index in range(first_id(parts), len(parts), 2):
        parts[index] = parts[index] if is_stripe_id(parts[index]) else HIDDEN
    return "/".join(parts)


def shown_param(param: str) -> str:
    """The path of a parameter, such as `metadata[plan]`: parts that are no plain names become `…` (pure)."""
    return re.sub(r"[^\[\]]+", lambda part: part[0] if all(map(_NAME.fullmatch, part[0].split("."))) else HIDDEN, param)


def shown_code(code: str) -> str:
    """A code of Stripe's, one word; `…` for any other text (pure)."""
    return code if _WORD.fullmatch(code) else HIDDEN
