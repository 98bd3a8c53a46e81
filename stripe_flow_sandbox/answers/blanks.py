"""Objects of a kind as one text with blanks; filling them in costs a fraction of building an object."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stripe_flow_sandbox.answers.codec import Object, encode

_BLANK = re.compile(rb'"\{\{(\w+)\}\}"')


class Form:
    """A whole object with blanks."""

    def __init__(self, blank: Object) -> None:
        """A value `"{{name}}"` is a blank."""
        escaped = encode(blank).replace(b"%", b"%%")
        self._text = _BLANK.sub(rb"%(\1)b", escaped)

    def fill(self, values: Mapping[bytes, bytes]) -> bytes:
        """The object with these JSON values in its blanks."""
        return self._text % values


def quoted(text: str) -> bytes:
    """A text of ours as JSON: ids, names and addresses that need no escaping."""
    return f'"{text}"'.encode()


def digits(number: int) -> bytes:
    return b"%d" % number
