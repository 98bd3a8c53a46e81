"""Lists inside an object, which Stripe cuts after ten: a record has them whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import AccountTrouble

_SIGN = b'"has_more":true'

Node = dict[str, Any]  # Any: Stripe's JSON


def is_cut(raw: bytes, *, expected: bool = False) -> bool:
    """Whether compact JSON may hold a list that is not whole, besides itself if that is `expected`.

    A text that looks like one does no harm.
    """
    return raw.count(_SIGN) > expected


def complete(raw: bytes, client: Client) -> bytes:
    """`raw`, an object or a page of them, with every list inside read to its end. Raises StripeError."""
    top: Node = msgspec.json.decode(raw, type=dict[str, Any])
    for part in [found for value in top.values() for found in _cut_lists(value)]:
        path = part.get("url")
        if not isinstance(path, str) or not path.startswith("/v1/"):
            raise AccountTrouble("a list inside an object names no address of Stripe's: check the setting base_url")
        address = urlsplit(path)
        of_list = dict(parse_qsl(address.query))  # some lists are named by a filter, as subscription items are
        while part["has_more"]:
            more = client.get(
                address.path, of_list | {"limit": 100, "starting_after": part["data"][-1]["id"]}, read=_read
            ).value
            part["data"] += more.data
            part["has_more"] = more.has_more
    return msgspec.json.encode(top)


class _Page(msgspec.Struct):
    data: list[Node]
    has_more: bool


def _read(body: bytes) -> _Page:
    page = msgspec.json.decode(body, type=_Page)
    if page.has_more and not page.data:
        raise ValueError("a list says that there is more after nothing")
    return page


def _cut_lists(node: object) -> Iterator[Node]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _cut_lists(child)
    if isinstance(node, dict) and node.get("object") == "list" and node.get("has_more") is True and node.get("data"):
        yield cast("Node", node)
