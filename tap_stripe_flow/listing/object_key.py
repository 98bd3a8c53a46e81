"""The key of an object: its id, and the time by which its list can be filtered. Nothing else of it is parsed."""

from __future__ import annotations

import functools
from typing import cast

import msgspec


class ObjectKey(msgspec.Struct, frozen=True, gc=False):
    """An object's id and creation time in Unix seconds.

    `created` is 0 for a deleted object, and for objects whose list has no `created` filter.
    """

    id: str
    created: int = 0


class _Stamped(msgspec.Struct, frozen=True, gc=False):
    id: str
    created: int | None = None

    def key(self) -> ObjectKey:
        return ObjectKey(self.id, self.created or 0)


class ObjectKeys(msgspec.Struct):
    """The keys of one page, in the order of the page."""

    data: list[ObjectKey]
    has_more: bool

    @property
    def is_stamped(self) -> bool:
        """Whether every object has its creation time."""
        return None not in [each.created for each in self.data]


@functools.cache
def keys_decoder(stamp: str | None) -> msgspec.json.Decoder[ObjectKeys]:
    """Decodes a page whose objects have their creation time in the member `stamp`; None: they need not have one."""
    key = ObjectKey if stamp is None else _stamped(stamp)
    page = msgspec.defstruct("Page", [("data", list[key])], bases=(ObjectKeys,))  # type: ignore[valid-type]  # known only now
    return cast("msgspec.json.Decoder[ObjectKeys]", msgspec.json.Decoder(page))


def read_key(stamp: str | None, raw: bytes | msgspec.Raw) -> ObjectKey:
    """The key of one object, deleted or not."""
    return _KEY.decode(raw) if stamp is None else _key_decoder(stamp).decode(raw).key()


@functools.cache
def _key_decoder(stamp: str) -> msgspec.json.Decoder[_Stamped]:
    return msgspec.json.Decoder(_stamped(stamp))


@functools.cache
def _stamped(stamp: str) -> type[_Stamped]:
    struct = msgspec.defstruct(
        "Stamped", [("created", int | None, None)], bases=(_Stamped,), frozen=True, gc=False, rename={"created": stamp}
    )
    return cast("type[_Stamped]", struct)


_KEY = msgspec.json.Decoder(ObjectKey)
