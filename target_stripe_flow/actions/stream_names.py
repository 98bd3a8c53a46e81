"""What to do about a stream that no action takes: its name may be that of a list of Stripe's. Pure."""

# ruff: noqa: SIM905  # lines of words, as in `stripe_objects`

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import combinations, pairwise

from stripe_flow.api.spelling import nearest
from target_stripe_flow.actions.stripe_objects import RETIRED_OBJECTS, STRIPE_OBJECTS, plain
from target_stripe_flow.actions.table import ACTIONS

# Streams of taps that are not named as the objects in them.
_OTHER_LISTS = frozenset(
    """
    authorization cardholder connected_account early_fraud_warning external_account fee invoice_line invoice_line_item
    payment_source subscription_history transaction usage_record
    """.split()
)
# `order` is left out, as in RETIRED_OBJECTS; a table of payments is usually the shop's own.
_NOT_STRIPES = frozenset({"order", "product", "supplier", "event", "feature", "location", "plan"})
_LAST_PARTS = frozenset(name.rsplit(".", 1)[-1] for name in STRIPE_OBJECTS if "." in name) - _NOT_STRIPES
# What the name of one list, and the name of a list inside another's (`payout_transactions`), is made of.
_WHOLE = frozenset(plain(name).replace(".", "") for name in STRIPE_OBJECTS | RETIRED_OBJECTS | _OTHER_LISTS)
_PIECES = _WHOLE | {plain(name) for name in _LAST_PARTS}


def is_stripe_list(stream: str) -> bool:
    """Whether the stream's name, without a database schema and `stripe_`, is that of a list or object of Stripe.

    A list inside another's has both names: `payout_transactions`, `external_account_cards`.
    """
    table = stream.strip().rsplit(".", 1)[-1]
    # What precedes a hyphen may be a schema or a word: `public-payouts`, `payout-transactions`.
    return any(_is_list(_words(name)) for name in {table, table.rsplit("-", 1)[-1]})


def _is_list(words: Sequence[str]) -> bool:
    if any(name in _WHOLE for name in _singular("".join(words))):
        return True
    cuts = ((0, *middle, len(words)) for count in (1, 2) for middle in combinations(range(1, len(words)), count))
    return any(
        all(set(_singular("".join(words[start:end]))) & _PIECES for start, end in pairwise(each)) for each in cuts
    )


def _words(name: str) -> list[str]:
    """The words of a name in lower case, without a first `stripe`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\W_]+", name)
    words = [plain(part) for part in parts]
    return words[1:] if words[:1] == ["stripe"] else [words[0].removeprefix("stripe"), *words[1:]] if words else []


def _singular(name: str) -> tuple[str, ...]:
    """The name itself and what it may be the plural of."""
    return name, name.removesuffix("s"), f"{name[:-3]}y" if name.endswith("ies") else name


def _action_of_table(stream: str) -> str | None:
    """The action whose name a table has in its schema, as the streams of taps for databases: `public-customers`."""
    schema, _, table = stream.strip().replace(".", "-").rpartition("-")
    own = _singular("".join(_words(table)))
    return None if is_stripe_list(schema) else next((name for name in ACTIONS if name.removesuffix("s") in own), None)


def describe_unknown(stream: str) -> str:
    """What to do about a stream that is not an action. No alias is proposed for other records read from Stripe."""
    action = _action_of_table(stream)
    if is_stripe_list(stream) and action is None:
        return (
            "It has the name of a list of Stripe's, and records read from Stripe must not create objects: leave it out"
        )
    near = action or nearest(stream, ACTIONS)
    alias = json.dumps({stream: {"__alias__": near or "ACTION"}})
    read = ". If they were read from Stripe, they must not create objects: leave it out" if action else ""
    return f"If its records are {near or 'for one of these, ACTION'}, set stream_maps to {alias}{read}"
