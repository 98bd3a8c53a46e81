"""Every list that the official client can read, found by calling it."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import stripe

from tests.support.wire import Peer, answer

# The placeholder of the id of a list's parent.
ID = "{id}"
_EMPTY = answer(200, json.dumps({"object": "list", "data": [], "has_more": False, "url": "/v1/x"}))


@dataclass(frozen=True, kw_only=True)
class OfficialList:
    """A list method: its service (`checkout.sessions.line_items`), and the number of parent ids that it takes first."""

    service: str
    owners: int
    parameters: frozenset[str]

    def of(self, client: Any) -> Any:  # Any: the client's generics are not strict-clean
        """The service itself."""
        return functools.reduce(getattr, self.service.split("."), client)


@functools.cache
def official_lists() -> Mapping[str, OfficialList]:
    """By path, with `{id}` for an owner's id."""
    with Peer([_EMPTY]) as peer:
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": peer.url}, max_network_retries=0)
        found = list(_services(client.v1, ""))
        for each in found:
            each.of(client.v1).list(*[ID] * each.owners, {})
        paths = [unquote(heard.split(b" ")[1].decode()).partition("?")[0] for heard in peer.heard]
    return dict(zip(paths, found, strict=True))


def _services(owner: Any, prefix: str) -> Iterator[OfficialList]:  # Any: see of
    """All lists below `owner`, recursively; the client makes a service when its attribute is read."""
    for name in sorted(_names(owner)):
        service = getattr(owner, name)
        if hasattr(service, "list"):
            yield _described(service.list, prefix + name)
        yield from _services(service, f"{prefix}{name}.")


def _names(owner: Any) -> list[str]:  # Any: see of
    members = getattr(inspect.getmodule(type(owner)), "_subservices", {})
    return list(members)


def _described(method: Any, service: str) -> OfficialList:  # Any: see of
    wanted = inspect.signature(method).parameters
    [shape] = re.findall(r"\w+Params", str(wanted["params"].annotation))
    # The client names the shape of the parameters under TYPE_CHECKING only.
    source = inspect.getsource(sys.modules[method.__func__.__module__])
    [module] = re.findall(rf"from (\S+) import \(?\s*{shape}\b", source)
    parameters = frozenset(getattr(importlib.import_module(module), shape).__annotations__)
    return OfficialList(service=service, owners=len(wanted) - len({"params", "options"}), parameters=parameters)
