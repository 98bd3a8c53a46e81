"""The events of a stream: their types, their list, and how the objects in them are recognized."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tap_stripe_flow.capture.change_feed import EventReader
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.streams import StreamSpec

EVENTS_PATH = "/v1/events"


def event_types(spec: StreamSpec) -> tuple[str, ...]:
    """The types of the events that the stream reads; of a child stream those of its parents, too."""
    own = (*spec.events, *spec.deleted_by) if spec.child_of else ()
    return (*spec.listed.events, *spec.listed.deleted_by, *own)


def event_reader(spec: StreamSpec) -> EventReader:
    """Finds the changes of the stream's objects, or of the parents and child objects of a child stream."""
    listed, child_of = spec.listed, spec.child_of
    reader = EventReader(kind=listed.kind, stamp=listed.stamp or "", deleted_by=listed.deleted_by)
    if child_of is None or child_of.parent_reference is None:
        return reader
    return replace(
        reader,
        deleted_by=(*listed.deleted_by, *spec.deleted_by),
        child_kinds=(spec.kind, *spec.other_kinds),
        child_types=(*spec.events, *spec.deleted_by),
        parent_reference=child_of.parent_reference,
    )


def list_events(listing: Listing, types: Collection[str]) -> Listing:
    """The list of the events of these types in the account of `listing`."""
    # A client with a retry budget of its own: retries of events must not use up that of the list.
    return Listing(client=listing.client.scoped(), path=EVENTS_PATH, filters={"types": types}, is_snapshot=True)
