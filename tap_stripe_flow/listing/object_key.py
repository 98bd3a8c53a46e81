"""What is looked at in an object before it goes out: its id, and the time that its list can be cut by."""

from __future__ import annotations

import functools
from typing import cast

import msgspec


class ObjectKey(msgspec.Struct, frozen=True, gc=False):
    """What is left of a deleted object has no `created`, nor have some whose list cannot be cut."""

    id: str
    created: int = 0


class _Stamped(msgspec.Struct, frozen=True, gc=False):
    id: str
    created: int | None = None

    def head(self) -> ObjectKey:
        return ObjectKey(self.id, self.created or 0)


class ObjectKeys(msgspec.Struct):
    """A page of a list."""

    data: list[ObjectKey]
    has_more: bool

    @property
    def is_stamped(self) -> bool:
        """Whether every object has its time."""
        return None not in [each.created for each in self.data]


@functools.cache
def keys_decoder(stamp: str | None) -> msgspec.json.Decoder[ObjectKeys]:
    """Of a page whose objects have their time in the member `stamp`; None: they need not have one."""
    found = ObjectKey if stamp is None else _stamped(stamp)
    whole = msgspec.defstruct("Page", [("data", list[found])], bases=(ObjectKeys,))  # type: ignore[valid-type]  # known only now
    return cast("msgspec.json.Decoder[ObjectKeys]", msgspec.json.Decoder(whole))


def read_key(stamp: str | None, raw: bytes | msgspec.Raw) -> ObjectKey:
    """Of one object, or of what is left of it."""
    return _KEY.decode(raw) if stamp is None else _key_decoder(stamp).decode(raw).head()


@functools.cache
def _key_decoder(stamp: str) -> msgspec.json.Decoder[_Stamped]:
    return msgspec.json.Decoder(_stamped(stamp))


@functools.cache
def _stamped(stamp: str) -> type[_Stamped]:
    made = msgspec.defstruct(
        "Stamped", [("created", int | None, None)], bases=(_Stamped,), frozen=True, gc=False, rename={"created": stamp}
    )
    return cast("type[_Stamped]", made)


_KEY = msgspec.json.Decoder(ObjectKey)
