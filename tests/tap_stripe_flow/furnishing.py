"""A sandbox with objects of every stream, more than a page and more children than Stripe shows inside a parent."""

from __future__ import annotations

from tap_stripe_flow.streams import STREAMS
from tests.support.plugins import Message
from tests.support.sandbox import Sandbox

_SEEDED = ("--seed", "1", "--charges", "150", "--days", "20")
# More objects than a page holds, and more children than Stripe shows inside a parent.
FURNISHED = (*_SEEDED, "--furnish", "105")
FURNISHED_A_LITTLE = (*_SEEDED, "--furnish", "3")
CHILDREN = 12


def add_children(sandbox: Sandbox) -> None:
    """Give one parent of each child stream more child objects."""
    for spec in STREAMS:
        if spec.child_of is not None:
            parent = sandbox.objects(spec.child_of.parent.kind)[0]["id"]
            for kind in (spec.kind, *spec.other_kinds):
                sandbox.make(kind, CHILDREN, of=parent)


def with_selected(catalog: Message, *names: str) -> Message:
    """The catalog, with only these streams selected."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in names
    return catalog


def with_all_selected(catalog: Message) -> Message:
    """The catalog, with every stream selected."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    return catalog
