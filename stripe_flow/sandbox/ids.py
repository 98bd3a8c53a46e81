"""Ids that look like Stripe's and follow from facts alone, so that the same run gives the same ids."""

from __future__ import annotations

from hashlib import blake2b

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# Prefix and number of random characters, by what is named.
_SHAPES = {
    "balance_transaction": ("txn_3", 23),
    "card": ("card_1", 23),
    "charge": ("ch_3", 23),
    "customer": ("cus_", 14),
    "event": ("evt_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "refund": ("re_3", 23),
    "request": ("req_", 14),
}

# A bijection of 0..62^5: an odd multiplier that shares no factor with 62 spreads neighbours.
INDEX_CHARS = 5
_SPACE, _STEP, _START = 62**INDEX_CHARS, 387_420_489, 104_729
_STEP_BACK: int = pow(_STEP, -1, _SPACE)


def make_id(noun: str, *facts: object) -> str:
    """The id of the `noun` that these facts are about; other facts, another id."""
    prefix, chars = _SHAPES[noun]
    return prefix + _random(chars, noun, *facts)


def seeded_id(noun: str, label: str, index: int) -> str:
    """Like `make_id`, but the index can be read back from it, so no table of ids is needed."""
    prefix, chars = _SHAPES[noun]
    spread = (index * _STEP + _START) % _SPACE
    return prefix + _base62(spread, INDEX_CHARS) + _random(chars - INDEX_CHARS, noun, label, index)


def index_in(noun: str, object_id: str) -> int | None:
    """The index that a seeded id would have; the caller makes the id again to see whether it is one."""
    prefix, chars = _SHAPES[noun]
    if len(object_id) != len(prefix) + chars or not object_id.startswith(prefix):
        return None
    spread = 0
    for character in object_id[len(prefix) : len(prefix) + INDEX_CHARS]:
        digit = _ALPHABET.find(character)
        if digit < 0:
            return None
        spread = spread * 62 + digit
    return (spread - _START) * _STEP_BACK % _SPACE


def _random(chars: int, *facts: object) -> str:
    digest = blake2b("\0".join(map(str, facts)).encode(), digest_size=18).digest()
    return _base62(int.from_bytes(digest), chars)


def _base62(number: int, chars: int) -> str:
    digits = []
    for _ in range(chars):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
