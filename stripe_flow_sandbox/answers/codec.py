"""JSON as the sandbox stores it (compact bytes) and as it answers it (indented, like Stripe)."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

# One Stripe object, decoded: JSON values, and Decimal where a number has a fraction.
Object: TypeAlias = dict[str, object]

# Numbers with a fraction are Decimals when decoded and encoded: no float ever changes their digits.
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder: msgspec.json.Decoder[Object] = msgspec.json.Decoder(Object, float_hook=Decimal)

encode = _encoder.encode
decode = _decoder.decode


def integer(value: object) -> int:
    """A member that is a whole number. Raises TypeError if it is not, which is a bug of the sandbox."""
    if not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value


def mapping(value: object) -> Object:
    """A member that is an object. Raises TypeError if it is not, which is a bug of the sandbox."""
    if not isinstance(value, dict):
        raise TypeError(f"not an object: {value!r}")
    return value


def indent(compact: bytes) -> bytes:
    """The same JSON over many lines, indented by two spaces, with a line break at the end."""
    return msgspec.json.format(compact, indent=2) + b"\n"
