"""From a request's method and path to its operation: what Stripe counts its rates by.

An operation is the method and the path with the ids left out: `GET /v1/charges`, `GET /v1/charges/{id}` and
`POST /v1/charges` are three. https://docs.stripe.com/rate-limits
"""

from __future__ import annotations

import re

# Path segments before the name of a list, by the path up to them. https://docs.stripe.com/api
_SPACES: dict[str, tuple[str, ...]] = {
    "/v1": (
        *("apple_pay", "apps", "billing", "billing_portal", "checkout", "climate", "crypto", "entitlements"),
        *("financial_connections", "forwarding", "identity", "issuing", "privacy", "product_catalog", "radar"),
        *("reporting", "sigma", "tax", "terminal", "test_helpers", "three_d_secure", "treasury"),
    ),
    "/v1/test_helpers": ("issuing", "terminal", "treasury"),
    "/v2": (
        *("billing", "commerce", "core", "data", "iam", "money_management", "network", "payments", "reporting"),
        *("tax", "test_helpers"),
    ),
    "/v2/commerce": ("product_catalog",),
    "/v2/core": ("vault",),
    "/v2/money_management": ("test_helpers",),
    "/v2/test_helpers": ("money_management",),
}
_NAMESPACES = frozenset(f"{path}/{name}" for path, names in _SPACES.items() for name in names)
# Names of lists hold nothing else; an id of Stripe's holds digits.
_NAME = re.compile(r"[a-z_]+")
_ID = "{id}"


def operation_of(method: str, path: str) -> str:
    """`GET /v1/issuing/cards/{id}`: the method and `path` with its ids left out, whatever they hold (pure).

    A word in the place of an id counts as one: `/v1/charges/search` is `/v1/charges/{id}`. In a namespace that is not
    known here ids may be taken for names, but only words: the operations of one list stay few.
    """
    parts = path.split("/")
    first = first_id(parts)
    for index in range(first, len(parts)):
        if (index - first) % 2 == 0 or not _NAME.fullmatch(parts[index]):
            parts[index] = _ID
    return f"{method} {'/'.join(parts)}"


def first_id(parts: list[str]) -> int:
    """The index of the first id in the segments of a path; from there on ids and names alternate (pure)."""
    index = 2
    while "/".join(parts[: index + 1]) in _NAMESPACES:
        index += 1
    return index + 1
