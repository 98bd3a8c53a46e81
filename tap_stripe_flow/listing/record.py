"""Records: the JSON of a Stripe object, held compressed until it is written.

Many windows wait in memory at a time, and Stripe's JSON is mostly names: compressed it takes a seventh. The records of
a page share one compressed text, and only the page that is being written is decompressed.
"""

from __future__ import annotations

import functools
import zlib
from typing import Any, Protocol

import msgspec

from tap_stripe_flow.listing.object_key import ObjectKey

# The member with the account's id, in runs that read several accounts.
ACCOUNT_MEMBER = "_stripe_account"
# The member with the parent object's id, in child streams.
PARENT_MEMBER = "_stripe_parent"


class ListedRecord(msgspec.Struct, frozen=True, gc=False):
    """An object of a list, as Stripe returned it.

    - `created` is its creation time, `read_at` Stripe's time when it was requested; both in Unix seconds.
    - `packed` is the compressed text of its page; the object is the slice [start, end) of the text.
    - `account` is added to the record as `_stripe_account`, if it is not None.
    """

    id: str
    created: int
    read_at: int
    packed: bytes
    start: int
    end: int
    account: str | None = None

    @classmethod
    def single(cls, key: ObjectKey, raw: bytes, read_at: int, account: str | None = None) -> ListedRecord:
        """A record that does not come from a page; `raw` is JSON without white space between tokens."""
        return cls(key.id, key.created, read_at, pack(raw), 0, len(raw), account)

    def with_raw(self, raw: bytes) -> ListedRecord:
        """The same record with another text; `raw` is as for `single`, without `_stripe_account`."""
        return self.single(ObjectKey(self.id, self.created), raw, self.read_at, self.account)

    @property
    def raw(self) -> bytes | memoryview:
        """The record as one line of JSON in UTF-8; values keep Stripe's spelling."""
        raw = _unpacked(self.packed)[self.start : self.end]
        return raw if self.account is None else with_member(bytes(raw), ACCOUNT_MEMBER, self.account)

    def as_record(self) -> dict[str, Any]:  # Any: Stripe's JSON
        """The object, parsed."""
        return msgspec.json.decode(self.raw, type=dict[str, Any])


class ChildRecord(msgspec.Struct, frozen=True, gc=False):
    """A child object, such as a line item. It is written with its parent, so it is not compressed."""

    id: str
    read_at: int
    raw: bytes

    def as_record(self) -> dict[str, Any]:  # Any: Stripe's JSON
        """The object, parsed."""
        return msgspec.json.decode(self.raw, type=dict[str, Any])


class Record(Protocol):
    """A record that can be written: a ListedRecord or a ChildRecord."""

    @property
    def id(self) -> str: ...

    @property
    def read_at(self) -> int: ...

    @property
    def raw(self) -> bytes | memoryview: ...

    def as_record(self) -> dict[str, Any]: ...  # Any: Stripe's JSON


def with_member(raw: bytes, name: str, object_id: str) -> bytes:
    """The record with one more member, `name`."""
    return raw[:-1] + _ending(name, object_id)


@functools.lru_cache(maxsize=256)
def _ending(name: str, object_id: str) -> bytes:
    return b',"%b":%b}' % (name.encode(), msgspec.json.encode(object_id))


def pack(text: bytes) -> bytes:
    """The compressed text."""
    return zlib.compress(text, level=1)


def unpack(packed: bytes) -> bytes:
    """The text that `pack` compressed."""
    return zlib.decompress(packed)


# Records are written page by page, so one text is enough.
@functools.lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> memoryview:
    return memoryview(unpack(packed))
