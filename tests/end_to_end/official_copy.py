"""What the tables of a warehouse must hold: every object, as the official client reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe

from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.official import as_json, official
from tests.support.official_lists import official_lists
from tests.support.sandbox import Sandbox

Json = dict[str, Any]  # Any: JSON
# The key of a row: account and id.
Key = tuple[str, str]

# Parameters with which Stripe's lists show all, by stream: https://docs.stripe.com/api/subscriptions/list
SHOW_ALL: Mapping[str, Mapping[str, object]] = {"subscriptions": {"status": "all"}}
# Their objects describe the past, so the lists inside them stay as they are.
SNAPSHOTS = ("events",)
# What is left of a deleted object.
KEPT = ("id", "object", "_stripe_account", "_stripe_parent")


@dataclass
class OfficialCopy:
    """All objects of `accounts` by stream and key, under `capture: changes`."""

    sandbox: Sandbox
    accounts: tuple[str, ...]
    tables: dict[str, dict[Key, Json]] = field(default_factory=lambda: {spec.name: {} for spec in STREAMS})

    def read(self) -> None:
        """Read every list again, and by its id each object that the lists no longer show.

        What Stripe no longer shows at all and has no event for stays as it was, as in a warehouse.
        """
        for account in self.accounts:
            client = official(self.sandbox, account)
            listed = _lists(client)
            for spec in STREAMS:
                now = {(account, each["id"]): each for each in listed[spec.name]}
                before = {key: each for key, each in self.tables[spec.name].items() if key[0] == account}
                parents = {each["id"] for each in listed[spec.child_of.parent.name]} if spec.child_of else set()
                hidden = [each for key, each in before.items() if key not in now and not each.get("deleted")]
                now |= {(account, each["id"]): _hidden(client, spec, parents, each) for each in hidden}
                added = {"_stripe_account": account}
                self.tables[spec.name] |= {key: each | added for key, each in now.items()}

    def note(self, stream: str, account: str, object_id: str) -> None:
        """Note an object that its list has never shown, so that `read` reads it by its id."""
        self.tables[stream][account, object_id] = {"id": object_id}

    def objects(self, stream: str, account: str) -> list[Json]:
        """The objects of a stream in one account that the last read found, oldest first."""
        return [each for (owner, _), each in self.tables[stream].items() if owner == account][::-1]


def _lists(client: Any) -> dict[str, list[Json]]:  # Any: see official
    lists = {spec.name: list(_objects(client, spec, None)) for spec in STREAMS if spec.child_of is None}
    for spec in STREAMS:
        if spec.child_of is not None:
            parents = [each["id"] for each in lists[spec.child_of.parent.name]]
            lists[spec.name] = [each for parent in parents for each in _objects(client, spec, parent)]
    return lists


def _objects(client: Any, spec: StreamSpec, parent: str | None) -> Iterator[Json]:  # Any: see official
    """All objects of a list, or of the list of one parent, with every list inside them read to its end."""
    listed = official_lists()[spec.path]
    by_filter = {spec.child_of.parent_filter: parent} if spec.child_of and spec.child_of.parent_filter else {}
    filters = {"limit": 100, **by_filter, **SHOW_ALL.get(spec.name, {})}
    for found in listed.of(client.v1).list(*[parent] * listed.owners, filters).auto_paging_iter():
        read = as_json(found) if spec.name in SNAPSHOTS else _whole(client, as_json(found))
        yield read | ({"_stripe_parent": parent} if parent else {})


def _hidden(client: Any, spec: StreamSpec, parents: set[str], before: Json) -> Json:  # Any: see official
    """The object as it is now, which its list no longer shows."""
    deleted = {name: before[name] for name in KEPT if name in before} | {"deleted": True}
    if spec.child_of is not None:
        return deleted if spec.deleted_by and before["_stripe_parent"] in parents else before
    try:
        found = _whole(client, as_json(official_lists()[spec.path].of(client.v1).retrieve(before["id"])))
    except stripe.InvalidRequestError:
        return deleted
    return deleted if found.get("deleted") else found


def _whole(client: Any, value: Any) -> Any:  # Any: JSON; see official
    """`value`, with each list inside it that Stripe cut read to its end by the list's own URL."""
    if isinstance(value, list):
        return [_whole(client, each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("object") == "list" and value.get("has_more"):
        first = client.deserialize(client.raw_request("get", value["url"], limit=100), api_mode="V1")
        value = value | {"data": [as_json(each) for each in first.auto_paging_iter()], "has_more": False}
    return {name: _whole(client, each) for name, each in value.items()}
