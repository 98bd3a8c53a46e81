"""Ids that look like Stripe's and are computed from facts, so that the same run gives the same ids."""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b

# Type of object → prefix and number of characters after it.
_SHAPES = {
    "balance_transaction": ("txn_3", 23),
    "card": ("card_1", 23),
    "charge": ("ch_3", 23),
    "customer": ("cus_", 14),
    "event": ("evt_1", 23),
    "payment_intent": ("pi_3", 23),
    "payment_method": ("pm_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "refund": ("re_3", 23),
    "request": ("req_", 14),
    "secret": ("secret_", 24),
    "test_helpers.test_clock": ("clock_1", 23),
}

# Fewer characters could give two objects the same id.
_FEWEST_CHARS = 8

# A seeded id holds its index in this many hexadecimal digits, up to 268 million of them.
_INDEX_CHARS = 7
_INDEX = re.compile(r"[0-9a-f]{7}")
# A bijection of all indexes, so that ids of neighbours differ: the multiplier is odd, the space a power of two.
_SPACE, _STEP, _START = 16**_INDEX_CHARS, 181_783_497, 104_729
_STEP_BACK = pow(_STEP, -1, _SPACE)
# The digits after the index differ from one index to the next, and from one label to another.
_TAIL_STEP, _TAIL_MASK = 0x9E3779B97F4A7C15F39CC060, 16**24 - 1


def make_id(noun: str, *facts: object) -> str:
    """The id of the object of type `noun` with these facts; other facts give another id."""
    prefix, chars = _SHAPES[noun]
    return prefix + _digest(chars, "\0".join(map(str, facts)))


def id_like(example: str, *facts: object) -> str:
    """The id of the object with these facts, with the prefix of an example."""
    prefix, underscore, rest = example.rpartition("_")
    return prefix + underscore + _digest(max(_FEWEST_CHARS, min(24, len(rest))), "\0".join(map(str, facts)))


def seeded_id(noun: str, label: str, index: int) -> str:
    """Like `make_id`, but `seeded_index` reads the index back, so no table of ids is needed."""
    prefix, chars = _SHAPES[noun]
    spread = (index * _STEP + _START) % _SPACE
    # Arithmetic is faster than a digest, and a page of a list names two hundred objects.
    tail = (index * _TAIL_STEP ^ _salt(label)) & _TAIL_MASK
    return f"{prefix}{spread:07x}{tail:024x}"[: len(prefix) + chars]


def sibling_id(noun: str, owner_noun: str, owner_id: str) -> str:
    """The id of the one `noun` of a seeded object, such as its card, made from that object's id without a digest."""
    return _SHAPES[noun][0] + owner_id[len(_SHAPES[owner_noun][0]) :]


def owner_of_sibling(noun: str, owner_noun: str, object_id: str) -> str:
    """The id of the object whose `sibling_id` this is; for any other text a text that is nobody's id."""
    prefix = _SHAPES[noun][0]
    return _SHAPES[owner_noun][0] + object_id[len(prefix) :] if object_id.startswith(prefix) else ""


def seeded_index(noun: str, label: str, object_id: str) -> int | None:
    """The index in this `seeded_id`; None for any other text."""
    prefix, _ = _SHAPES[noun]
    spread = _INDEX.match(object_id, len(prefix))
    if spread is None:
        return None
    index: int = (int(spread[0], 16) - _START) * _STEP_BACK % _SPACE
    return index if seeded_id(noun, label, index) == object_id else None


@cache
def _salt(label: str) -> int:
    return int(_digest(24, label), 16)


def _digest(chars: int, facts: str) -> str:
    return blake2b(facts.encode(), digest_size=12).hexdigest()[:chars]
