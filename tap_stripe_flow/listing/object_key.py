"""The key of an object: its id, and the time by which its list can be filtered. Nothing else of it is parsed."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

# Before the year 10000. Today's time in milliseconds is later, so it is recognized as a wrong unit.
UnixSeconds = Annotated[int, Meta(ge=0, lt=253_402_300_800)]
Id = Annotated[str, Meta(min_length=1)]


class ObjectKey(msgspec.Struct, frozen=True, gc=False):
    """An object's id and creation time in Unix seconds.

    `created` is 0 for a deleted object, and for objects whose list has no `created` filter.
    """

    id: Id
    created: UnixSeconds = 0


class ObjectKeys(msgspec.Struct):
    """The keys of one page, in the order of the page."""

    object: Literal["list"]
    data: list[ObjectKey]
    has_more: bool


@functools.cache
def keys_decoder(stamp: str | None) -> msgspec.json.Decoder[ObjectKeys]:
    """Decodes a page whose objects have their creation time in the member `stamp`; None: they need not have one."""
    key = ObjectKey if stamp is None else _stamped(stamp, ("created", UnixSeconds))
    page = msgspec.defstruct("Page", [("data", list[key])], bases=(ObjectKeys,))  # type: ignore[valid-type]  # known only now
    return cast("msgspec.json.Decoder[ObjectKeys]", msgspec.json.Decoder(page))


@functools.cache
def key_decoder(stamp: str | None) -> msgspec.json.Decoder[ObjectKey]:
    """Decodes the key of one object; a deleted one has no creation time. See `read_key`."""
    return msgspec.json.Decoder(ObjectKey if stamp is None else _stamped(stamp, ("created", UnixSeconds | None, 0)))


def read_key(stamp: str | None, raw: bytes | msgspec.Raw) -> ObjectKey:
    """The key of one object, deleted or not. Raises msgspec.ValidationError if the object has none."""
    key = key_decoder(stamp).decode(raw)
    return ObjectKey(key.id, key.created or 0)


def _stamped(stamp: str, created: Any) -> type[ObjectKey]:  # Any: the field, as msgspec takes it
    """ObjectKey with another field `created`, which is read from the member `stamp`."""
    key = msgspec.defstruct("Stamped", [created], bases=(ObjectKey,), frozen=True, gc=False, rename={"created": stamp})
    return cast("type[ObjectKey]", key)
