"""A strict parser of form-encoded bytes: `a[b]=1&c[0]=x` is `{"a": {"b": "1"}, "c": {"0": "x"}}`."""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from stripe_flow_sandbox.answers.errors import invalid

# A leaf is text; brackets make a mapping, which may be read as a hash, a map or an array later.
Tree: TypeAlias = "str | dict[str, Tree]"

# The key of a value sent with empty brackets. No other key can contain a bracket, so keys never collide.
_PUSHED = "[{}]"
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_INDEX = re.compile(r"[0-9]{1,6}")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def pairs(encoded: bytes) -> list[tuple[str, str]]:
    """Names and values in the order sent. Raises Refusal (400) for a broken escape or bad UTF-8."""
    if _BAD_ESCAPE.search(encoded):
        raise invalid("Invalid request: a percent sign is not followed by two hexadecimal digits.")
    found = []
    for part in encoded.split(b"&"):
        if not part:
            continue
        name, _, value = part.replace(b"+", b" ").partition(b"=")
        try:
            found.append((unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode()))
        except UnicodeDecodeError:
            raise invalid("Invalid request: a parameter is not UTF-8.") from None
    return found


def parse(encoded: bytes) -> dict[str, Tree]:
    """The tree of all parameters. Raises Refusal (400) for a malformed name and for a name sent twice."""
    tree: dict[str, Tree] = {}
    for name, value in pairs(encoded):
        _insert(tree, name, value)
    return tree


def in_order(tree: dict[str, Tree]) -> list[Tree] | None:
    """The values of an array, by index or in the order sent; None if the keys are not those of an array."""
    if all(key.startswith("[") for key in tree):
        return list(tree.values())
    if all(_INDEX.fullmatch(key) for key in tree):
        return [tree[key] for key in sorted(tree, key=int)]
    return None


def _insert(tree: dict[str, Tree], name: str, value: str) -> None:
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise invalid(f"Invalid request: malformed parameter name {name[:80]!r}.")
    steps = [matched[1], *matched[2][1:-1].split("][")] if matched[2] else [matched[1]]
    node = tree
    for step in steps[:-1]:
        deeper = node.setdefault(step or _PUSHED.format(len(node)), {})
        if not isinstance(deeper, dict):
            raise invalid("Invalid hash", param=name)
        node = deeper
    last = steps[-1] or _PUSHED.format(len(node))
    if last in node:
        raise invalid("A parameter was given twice", param=name)
    node[last] = value
