"""JSON templates of seeded objects; filling one in takes a fraction of the time of building an object."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stripe_flow_sandbox.answers.codec import Object, encode

_PLACEHOLDER = re.compile(rb'"\{\{(\w+)\}\}"')


class Template:
    """One object as JSON, with placeholders for the values that differ."""

    def __init__(self, fields: Object) -> None:
        """Each value `"{{name}}"` is a placeholder."""
        escaped = encode(fields).replace(b"%", b"%%")
        self._text = _PLACEHOLDER.sub(rb"%(\1)b", escaped)

    def fill(self, values: Mapping[bytes, bytes]) -> bytes:
        """The object as JSON, with these JSON values in its placeholders."""
        return self._text % values


def quoted(text: str) -> bytes:
    """A JSON string of a text that needs no escaping: an id, a name or an address of ours."""
    return f'"{text}"'.encode()


def digits(number: int) -> bytes:
    """A JSON number."""
    return b"%d" % number
