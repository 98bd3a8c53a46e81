"""The kinds of objects that the sandbox can make, by type and by the name of the tap's stream that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from stripe_flow_sandbox.furnish.forms import RESOURCES
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS, ChildList
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS

# Streams whose names are not those of their objects, by the path of the list.
_STREAMS: Mapping[str, str] = {
    "/v1/accounts/{id}/external_accounts": "external_accounts",
    "/v1/application_fees/{id}/refunds": "application_fee_refunds",
    "/v1/checkout/sessions/{id}/line_items": "checkout_session_line_items",
    "/v1/customers/{id}/sources": "payment_sources",
    "/v1/customers/{id}/tax_ids": "customer_tax_ids",
    "/v1/invoiceitems": "invoice_items",
    "/v1/invoices/{id}/lines": "invoice_line_items",
    "/v1/radar/early_fraud_warnings": "early_fraud_warnings",
    "/v1/test_helpers/test_clocks": "test_clocks",
    "/v1/topups": "top_ups",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """Objects of type `noun` in one list. `children`: the list of child objects that has them; None: they have none."""

    noun: str
    path: str
    children: ChildList | None = None

    @property
    def stream(self) -> str:
        """The name of the tap's stream that reads the list."""
        return _STREAMS.get(self.path) or f"{self.noun.replace('.', '_')}s"

    def described(self) -> dict[str, str | None]:
        """The kind as `GET /_sandbox/types` shows it; `of` is the type of the parent."""
        parent = self.children.parent if self.children else None
        return {"type": self.noun, "stream": self.stream, "path": self.path, "of": parent}


KINDS: tuple[Kind, ...] = tuple(
    sorted(
        (
            *(Kind(noun, resource.path) for noun, resource in RESOURCES.items()),
            *(Kind(row.noun, row.path) for row in READ_ONLY_LISTS),
            *(Kind(noun, spec.path, spec) for spec in CHILD_LISTS for noun in spec.nouns),
        ),
        key=lambda kind: (kind.noun, kind.path),
    )
)


@cache
def kinds_named(name: str) -> tuple[Kind, ...]:
    """The kinds with this type or stream, those with a list of their own first. Raises KeyError if there is none."""
    found = [kind for kind in KINDS if name in (kind.noun, kind.stream)]
    if not found:
        known = ", ".join(dict.fromkeys(kind.noun for kind in KINDS))
        raise KeyError(
            f"the sandbox has no type {name!r}. Its types are {known}. The names of the tap's streams are taken too; "
            "GET /_sandbox/types lists both"
        )
    return tuple(sorted(found, key=lambda kind: kind.children is not None))
