"""Lists inside an object. Stripe cuts them after ten entries; the tap reads each to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import AccountTrouble

_CUT_MARK = b'"has_more":true'

Node = dict[str, Any]  # Any: Stripe's JSON


def is_cut(raw: bytes, *, expected: bool = False) -> bool:
    """Whether compact JSON may contain a cut list, not counting the page itself if it has more (`expected`).

    A string value with the same text is a harmless false positive.
    """
    return raw.count(_CUT_MARK) > expected


def complete(raw: bytes, client: Client) -> bytes:
    """`raw`, an object or a page of objects, with each nested list read to its end.

    Raises StripeError; AccountTrouble when a cut list has no URL of Stripe's API.
    """
    top: Node = msgspec.json.decode(raw, type=dict[str, Any])
    for nested in [node for value in top.values() for node in _cut_lists(value)]:
        url = nested.get("url")
        if not isinstance(url, str) or not url.startswith("/v1/"):
            raise AccountTrouble("a list inside an object has no URL of Stripe's API: check the setting base_url")
        address = urlsplit(url)
        filters = dict(parse_qsl(address.query))  # some URLs have a filter, for example those of subscription items
        while nested["has_more"]:
            page = client.get(
                address.path, filters | {"limit": 100, "starting_after": nested["data"][-1]["id"]}, read=_read
            ).value
            nested["data"] += page.data
            nested["has_more"] = page.has_more
    return msgspec.json.encode(top)


class _Page(msgspec.Struct):
    data: list[Node]
    has_more: bool


def _read(body: bytes) -> _Page:
    page = msgspec.json.decode(body, type=_Page)
    if page.has_more and not page.data:
        raise ValueError("the list has has_more: true on an empty page")
    return page


def _cut_lists(node: object) -> Iterator[Node]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _cut_lists(child)
    if isinstance(node, dict) and node.get("object") == "list" and node.get("has_more") is True and node.get("data"):
        yield cast("Node", node)
