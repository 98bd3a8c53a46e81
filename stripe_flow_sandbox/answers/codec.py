"""JSON as the sandbox keeps it (compact bytes) and as it answers it (indented, like Stripe)."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

# One Stripe object, decoded: JSON values, and Decimal where a number has a fraction.
Object: TypeAlias = dict[str, object]

# Decimals stay decimals on both ways: a float never enters an object, so none can leave it.
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder: msgspec.json.Decoder[Object] = msgspec.json.Decoder(Object, float_hook=Decimal)

encode = _encoder.encode
decode = _decoder.decode


def integer(value: object) -> int:
    """A member that is a whole number. Raises TypeError if it is anything else: then the sandbox itself is wrong."""
    if not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value


def mapping(value: object) -> Object:
    """A member that is an object. Raises TypeError if it is anything else: then the sandbox itself is wrong."""
    if not isinstance(value, dict):
        raise TypeError(f"not an object: {value!r}")
    return value


def indent(compact: bytes) -> bytes:
    """The same JSON over many lines, two spaces deep, with a last line break."""
    return msgspec.json.format(compact, indent=2) + b"\n"
