"""The actions: what a row of each stream becomes at Stripe, one entry each. Data only; the target treats them alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """How the records of one stream are turned into Stripe objects.

    `history` are values of a record's `object` that say it has happened already: a charge read from Stripe is no
    order to charge again. `references` names parameters that may hold a source key of another action. A record with
    the field `find_by` creates nothing: it names an existing object by its Stripe id. What `moves_money` is never
    tried again by itself once it may have happened. `is_changeable`: a changed record may be told to pass. `failed`
    are values of an object's `status` that mean it came to nothing.
    """

    name: str
    path: str
    right: str
    history: frozenset[str] = frozenset()
    references: Mapping[str, str] = field(default_factory=dict)
    find_by: str | None = None
    moves_money: bool = False
    is_changeable: bool = False
    failed: frozenset[str] = frozenset()

    def schema(self) -> dict[str, object]:
        """What Stripe accepts for it, as JSON schema with reasons in words, from `schemas/`."""
        text = resources.files("target_stripe_flow").joinpath("schemas", f"{self.name}.json").read_text("utf-8")
        found: dict[str, object] = json.loads(text)
        return found


ACTIONS = {
    spec.name: spec
    for spec in (
        ActionSpec(
            name="customers",
            path="/v1/customers",
            right="rak_customer_write",
            find_by="stripe_id",
            is_changeable=True,
        ),
        ActionSpec(name="products", path="/v1/products", right="rak_product_write", is_changeable=True),
        ActionSpec(
            name="charges",
            path="/v1/charges",
            right="rak_charge_write",
            history=frozenset({"charge", "refund"}),
            references={"customer": "customers"},
            moves_money=True,
            failed=frozenset({"failed"}),
        ),
    )
}
