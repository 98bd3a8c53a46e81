"""An object that was found: its id and its stamp are at hand, its bytes wait compressed until they go out.

Many windows wait at a time, and Stripe's JSON is mostly names: compressed it takes a tenth. A page stays one text, and
only the one that goes out is unpacked.
"""

from __future__ import annotations

import functools
import zlib
from typing import Any, Protocol

import msgspec

from tap_stripe_flow.listing.object_key import ObjectKey

# The member that tells whose object a record is, where a run reads several accounts.
ACCOUNT_MEMBER = "_stripe_account"
# The member that tells whose part a record is, in streams of what belongs to the objects of another one.
PARENT_MEMBER = "_stripe_parent"


class ListedRecord(msgspec.Struct, frozen=True, gc=False):
    """An object as Stripe showed it at `read_at`, its Unix time.

    `packed` is the text that it stands in, from `start` up to `end`; `account` goes into the record, if there is one.
    """

    id: str
    created: int
    read_at: int
    packed: bytes
    start: int
    end: int
    account: str | None = None

    @classmethod
    def alone(cls, head: ObjectKey, raw: bytes, read_at: int, account: str | None = None) -> ListedRecord:
        """One that shares its text with no other; `raw` is JSON without white space between its parts."""
        return cls(head.id, head.created, read_at, pack(raw), 0, len(raw), account)

    @property
    def raw(self) -> bytes | memoryview:
        """The record: a line of JSON in UTF-8, every value as Stripe spelled it."""
        raw = _unpacked(self.packed)[self.start : self.end]
        return raw if self.account is None else with_member(bytes(raw), ACCOUNT_MEMBER, self.account)

    def as_record(self) -> dict[str, Any]:  # Any: Stripe's JSON
        """The object, parsed."""
        return msgspec.json.decode(self.raw, type=dict[str, Any])


class ChildRecord(msgspec.Struct, frozen=True, gc=False):
    """What belongs to an object that was found and goes out with it, so that it need not wait."""

    id: str
    read_at: int
    raw: bytes

    def as_record(self) -> dict[str, Any]:  # Any: Stripe's JSON
        """The object, parsed."""
        return msgspec.json.decode(self.raw, type=dict[str, Any])


class Record(Protocol):
    """What goes out: see Found."""

    @property
    def id(self) -> str: ...

    @property
    def read_at(self) -> int: ...

    @property
    def raw(self) -> bytes | memoryview: ...

    def as_record(self) -> dict[str, Any]: ...  # Any: Stripe's JSON


def with_member(raw: bytes, name: str, object_id: str) -> bytes:
    """The record with a member of ours: an id of Stripe's."""
    return raw[:-1] + f',"{name}":"{object_id}"}}'.encode()


def pack(text: bytes) -> bytes:
    """As it waits."""
    return zlib.compress(text, level=1)


def unpack(packed: bytes) -> bytes:
    """What `pack` was given."""
    return zlib.decompress(packed)


# Records go out in the order of their texts.
@functools.lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> memoryview:
    return memoryview(unpack(packed))
