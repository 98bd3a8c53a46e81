"""Reads and checks the files of `--state` and `--catalog` before the SDK uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stripe_flow.api.errors import Misconfigured
from tap_stripe_flow.listing.record import ACCOUNT_MEMBER

T = TypeVar("T")


class _Partition(msgspec.Struct):
    context: dict[str, Any]  # Any: JSON

    def __post_init__(self) -> None:
        """Raise TypeError for an account that is no text; partitions of other taps have other members."""
        if not isinstance(self.context.get(ACCOUNT_MEMBER, ""), str):
            raise TypeError(f"{ACCOUNT_MEMBER} must be the id of an account")


class _Bookmark(msgspec.Struct):
    partitions: list[_Partition] = []


class _State(msgspec.Struct):
    bookmarks: dict[str, _Bookmark]

    def __post_init__(self) -> None:
        """Raise ValueError, which msgspec turns into its ValidationError, for a duplicate partition."""
        for stream, bookmark in self.bookmarks.items():
            contexts = [msgspec.json.encode(partition.context, order="sorted") for partition in bookmark.partitions]
            if len(set(contexts)) < len(contexts):
                raise ValueError(f"the stream {stream} has the same partition twice")


class _Metadata(msgspec.Struct):
    breadcrumb: list[str]
    metadata: dict[str, Any]  # Any: JSON

    def __post_init__(self) -> None:
        """Raise TypeError for a selection that is no boolean: the text `false` would select."""
        for name in ("selected", "selected-by-default"):
            if not isinstance(self.metadata.get(name), bool | None):
                raise TypeError(f"`{name}` of {'.'.join(self.breadcrumb) or 'a stream'} must be true or false")


class _Schema(msgspec.Struct):
    properties: dict[str, dict[str, Any]] = {}  # Any: JSON schema


class _Entry(msgspec.Struct):
    tap_stream_id: str
    schema: _Schema
    metadata: list[_Metadata] = []
    stream: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a stream with another name than its id."""
        if self.stream not in {None, self.tap_stream_id}:
            raise ValueError(
                f"the stream {self.tap_stream_id} has the name {self.stream!r}: give it back its own, and rename it "
                "with `__alias__` in the setting stream_maps"
            )


class _Catalog(msgspec.Struct):
    streams: list[_Entry]


def read_state(path: str | None) -> dict[str, Any] | None:  # Any: JSON
    """The state in the file `path`; None without a path. An empty object is allowed.

    Raises Misconfigured when the file cannot be read or is not a Singer state.
    """
    return _read(path, "state", _State, '{"bookmarks": {…}}', may_be_empty=True)


def read_catalog(path: str | None) -> dict[str, Any] | None:  # Any: JSON
    """The catalog in the file `path`; None without a path.

    Raises Misconfigured when the file cannot be read or is not a Singer catalog.
    """
    return _read(path, "catalog", _Catalog, "the output of --discover", may_be_empty=False)


def _read(path: str | None, what: str, shape: type[Any], like: str, *, may_be_empty: bool) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        content = Path(path).read_bytes()
        value: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
        if value or not may_be_empty:
            msgspec.json.decode(content, type=shape)
    except OSError as error:
        raise Misconfigured(
            f"the {what} file {path} cannot be read ({error.strerror}): check the path after --{what}"
        ) from None
    except msgspec.ValidationError as error:
        raise Misconfigured(f"the {what} file {path} must look like {like}: {error}") from None
    except (ValueError, RecursionError):
        raise Misconfigured(
            f"the {what} file {path} is not JSON in UTF-8: it may have been cut; pass a complete file with --{what}"
        ) from None
    return value
