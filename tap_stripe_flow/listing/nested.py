"""Lists inside an object. Stripe cuts them after ten entries; the tap reads each to its end, at every depth.

The lists of a page of objects are read at once, each page by page: its next page is known by the one before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound, StripeError
from stripe_flow.api.lists import ListReading, Question
from stripe_flow.api.paging import PAGE_LIMIT, read_pages
from tap_stripe_flow.listing.answers import Node, unreadable
from tap_stripe_flow.listing.nested_reads import NestedPage, NestedReads, entries_of
from tap_stripe_flow.listing.refusals import is_of_one_object, names_permission

_CUT_MARK = b'"has_more":true'


def is_cut(raw: bytes, *, expected: bool = False) -> bool:
    """Whether compact JSON may contain a cut list, not counting the page itself if it has more (`expected`).

    A string value with the same text is a harmless false positive.
    """
    return raw.count(_CUT_MARK) > expected


def complete(
    raw: bytes,
    client: Client,
    path: str,
    expand: Sequence[str] = (),
    *,
    left_out: MutableMapping[str, StripeError] | None = None,
    reads: NestedReads | None = None,
) -> bytes:
    """`raw`, an object or a page of objects from `path`, with each nested list read to its end, at every depth.

    `expand` are the names that the objects were expanded by, such as `subscriptions.data.customer`; the requests for
    more of a list expand the same. A list that cannot be read for a reason of the object alone is left out, and
    `left_out` holds the error by the object's id. Where `left_out` is None, only NotFound is not raised: the parent of
    the list was deleted meanwhile. Of several errors the first in the order of the objects and of their members counts.
    Raises StripeError; UnreadableAnswer for a list that cannot be read to its end.
    """
    completion = _Completion(client, path, expand, reads or NestedReads(), keeps_refused=left_out is not None)
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        if bytes(members.get("object", b"")) != b'"list"':
            return _take(completion.complete(raw), left_out)
        entries = [bytes(each) for each in msgspec.json.decode(members["data"], type=list[msgspec.Raw])]
        cut = [is_cut(each) for each in entries]
        jobs = [partial(completion.complete, each) for each in itertools.compress(entries, cut)]
        with closing(completion.reads.in_order(jobs)) as completed:
            whole = [
                msgspec.Raw(_take(next(completed), left_out) if each_cut else each)
                for each, each_cut in zip(entries, cut, strict=True)
            ]
        return msgspec.json.encode({**members, "data": whole})
    except RecursionError:
        raise unreadable(path, "its values are nested too deeply") from None


def complete_list(
    raw: bytes,
    client: Client,
    path: str,
    name: str,
    expand: Sequence[str] = (),
    *,
    reads: NestedReads | None = None,
) -> bytes:
    """The list `raw`, which is the member `name` of an object from `path`, read to its end; see `complete`.

    Raises NotFound if Stripe does not know the list any more, and what `complete` raises.
    """
    if not is_cut(raw):
        return raw
    try:
        return _Completion(client, path, expand, reads or NestedReads()).complete(raw, (name,)).raw
    except RecursionError:
        raise unreadable(path, "its values are nested too deeply") from None


@dataclass(frozen=True, slots=True)
class _Completed:
    """A completed object; `error` is that of the first of its lists that was left out."""

    raw: bytes
    object_id: str
    error: StripeError | None


def _take(completed: _Completed, left_out: MutableMapping[str, StripeError] | None) -> bytes:
    """The object; `left_out` gets what it lacks."""
    if left_out is not None:
        left_out.pop(completed.object_id, None)
        if completed.error is not None:
            left_out[completed.object_id] = completed.error
    return completed.raw


@dataclass(frozen=True, slots=True)
class _Rest:
    """What follows the entries that a cut list shows, completed; `error`: it cannot be read.

    `errors` are those of the lists inside its entries that were left out.
    """

    of: Node
    entries: Sequence[Node] = ()
    errors: Sequence[StripeError] = ()
    error: StripeError | None = None


@dataclass(frozen=True)
class _Completion:
    """Completes objects: first it finds their cut lists, then it reads all of these at once, then it fills them in.

    `keeps_refused`: a list that Stripe refuses for a reason of the object alone is left out.
    """

    client: Client
    path: str
    expand: Sequence[str]
    reads: NestedReads
    keeps_refused: bool = False

    def complete(self, raw: bytes, names: tuple[str, ...] = ()) -> _Completed:
        """One object, or a list that `names` lead to, completed."""
        top = msgspec.json.decode(raw)
        errors = self._fill(top, names)
        return _Completed(msgspec.json.encode(top), str(top.get("id")), errors[0] if errors else None)

    def _fill(self, value: object, names: tuple[str, ...]) -> list[StripeError]:
        """Complete the lists in a value; returns the errors of those that were left out."""
        cut: list[tuple[Node, tuple[str, ...]]] = []
        _find_cut_lists(value, names, cut)
        errors: list[StripeError] = []
        with closing(self.reads.in_order([partial(self._read_on, *each) for each in cut])) as rests:
            self._visit(value, rests, errors)
        return errors

    def _visit(self, value: object, rests: Iterator[_Rest], errors: list[StripeError]) -> None:
        """Fill the lists in a value with their `rests`, which come in the same order; leave out what has none."""
        if isinstance(value, list):
            for each in value:
                self._visit(each, rests, errors)
        elif isinstance(value, dict):
            for name, member in list(value.items()):
                try:
                    self._visit(member, rests, errors)
                except StripeError as error:
                    is_kept = self.keeps_refused and is_of_one_object(error) and not names_permission(error)
                    if not (is_kept or isinstance(error, NotFound)):
                        raise
                    del value[name]
                    errors.append(error)
            if _is_cut_list(value):
                _add_rest(value, rests, errors)

    def _read_on(self, nested: Node, names: tuple[str, ...]) -> _Rest:
        """Read what follows the entries that the list shows, then all lists inside of that at once."""
        try:
            entries = self._following(nested, names)
            errors = self._fill(entries, (*names, "data"))
        except StripeError as error:
            return _Rest(nested, error=error)
        return _Rest(nested, entries, errors)

    def _following(self, nested: Node, names: tuple[str, ...]) -> list[Node]:
        url, data, where = nested.get("url"), nested.get("data"), ".".join(names)
        if not isinstance(url, str) or not url.startswith("/v1/") or not isinstance(data, list):
            raise unreadable(self.path, f"the list {where} is cut, and has no entries or no URL of Stripe's API")
        address = urlsplit(url)
        below = f"{where}."
        expand = [name.removeprefix(below) for name in self.expand if name.startswith(below)]
        # Some URLs have a filter, for example those of subscription items.
        query = {**dict(parse_qsl(address.query)), "limit": PAGE_LIMIT, "expand": expand}

        def ask(asked: Question) -> NestedPage:
            return self.reads.page(self.client, address.path, {**query, "starting_after": asked.after}, names[0])

        reading = ListReading(can_narrow=False)
        reading.take(entries_of(address.path, data), has_more=True)
        return [page.data[position] for page, new in read_pages(reading, ask, address.path) for position in new]


def _find_cut_lists(value: object, names: tuple[str, ...], found: list[tuple[Node, tuple[str, ...]]]) -> None:
    """Add the cut lists in a value to `found`, inner ones first; `names` lead to it, as in the parts of `expand`."""
    if isinstance(value, list):
        for each in value:
            _find_cut_lists(each, names, found)
    elif isinstance(value, dict):
        for name, member in value.items():
            _find_cut_lists(member, (*names, name), found)
        if _is_cut_list(value):
            found.append((value, names))


def _add_rest(nested: Node, rests: Iterator[_Rest], errors: list[StripeError]) -> None:
    """Append its rest to a cut list; raises the rest's error. Rests of lists that were left out are passed over."""
    rest = next(each for each in rests if each.of is nested)
    errors += rest.errors
    if rest.error is not None:
        raise rest.error
    nested["data"] += rest.entries
    nested["has_more"] = False


def _is_cut_list(node: Node) -> bool:
    is_listed = isinstance(node.get("data"), list) and str(node.get("url")).startswith("/v1/")
    return node.get("has_more") is True and (node.get("object") == "list" or is_listed)
