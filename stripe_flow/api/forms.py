"""Parameters as Stripe reads them: form-encoded, nested names in brackets.

    {"metadata": {"plan": "a b"}, "expand": ["customer"]}  →  metadata[plan]=a+b&expand[0]=customer

A property test compares the bytes with those of the official client.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlencode


def encode(parameters: Mapping[str, object]) -> str:
    """The ASCII text of a query string or a body.

    None and empty containers are left out (an empty string unsets a field), booleans are lower-case, brackets are not
    escaped. Raises ValueError for NaN, infinity, bytes, lone surrogates and other types.
    """
    # Brackets are not escaped in values either: Stripe reads both, and the official client does the same.
    return urlencode(list(_pairs(parameters.items()))).replace("%5B", "[").replace("%5D", "]")


def _pairs(items: Iterable[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    for name, value in items:
        if isinstance(value, Mapping):
            yield from _pairs((f"{name}[{key}]", inner) for key, inner in value.items())
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            yield from _pairs((f"{name}[{index}]", inner) for index, inner in enumerate(value))
        elif value is not None:
            yield name, _encode_scalar(name, value)


def _encode_scalar(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise ValueError(f"{name}: a {type(value).__name__} cannot be sent to Stripe")
