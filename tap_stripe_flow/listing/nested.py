"""Lists inside an object. Stripe cuts them after ten entries; the tap reads each to its end, at every depth."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import msgspec

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound, StripeError
from stripe_flow.api.lists import Entry, ListReading, Question
from stripe_flow.api.paging import PAGE_LIMIT, read_pages
from tap_stripe_flow.listing.answers import Node, check_doubles, read_parsed_page, unreadable
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
    left_out: MutableMapping[str, StripeError] | None = None,
) -> bytes:
    """`raw`, an object or a page of objects from `path`, with each nested list read to its end, at every depth.

    `expand` are the names that the objects were expanded by, such as `subscriptions.data.customer`; the requests for
    more of a list expand the same. A list that cannot be read for a reason of the object alone is left out, and
    `left_out` holds the error by the object's id. Where `left_out` is None, only NotFound is not raised: the parent of
    the list was deleted meanwhile. Raises StripeError; UnreadableAnswer for a list that cannot be read to its end.
    """
    completion = _Completion(client, path, expand, left_out)
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        if bytes(members.get("object", b"")) != b'"list"':
            return completion.complete(raw)
        entries = [bytes(each) for each in msgspec.json.decode(members["data"], type=list[msgspec.Raw])]
        whole = [msgspec.Raw(completion.complete(each) if is_cut(each) else each) for each in entries]
        return msgspec.json.encode({**members, "data": whole})
    except RecursionError:
        raise unreadable(path, "its values are nested too deeply") from None


def complete_list(raw: bytes, client: Client, path: str, name: str, expand: Sequence[str] = ()) -> bytes:
    """The list `raw`, which is the member `name` of an object from `path`, read to its end; see `complete`.

    Raises NotFound if Stripe does not know the list any more, and what `complete` raises.
    """
    if not is_cut(raw):
        return raw
    try:
        return _Completion(client, path, expand).complete(raw, (name,))
    except RecursionError:
        raise unreadable(path, "its values are nested too deeply") from None


@dataclass(frozen=True)
class _Page:
    data: Sequence[Node]
    entries: Sequence[Entry]
    has_more: bool


@dataclass(frozen=True)
class _Completion:
    client: Client
    path: str
    expand: Sequence[str]
    left_out: MutableMapping[str, StripeError] | None = None

    def complete(self, raw: bytes, names: tuple[str, ...] = ()) -> bytes:
        """One object, or a list that `names` lead to, completed."""
        top = msgspec.json.decode(raw)
        errors: list[StripeError] = []
        self._visit(top, names, errors)
        if self.left_out is not None:
            self.left_out.pop(str(top["id"]), None)
            self.left_out.update({str(top["id"]): error for error in errors[:1]})
        return msgspec.json.encode(top)

    def _visit(self, value: object, names: tuple[str, ...], errors: list[StripeError]) -> None:
        """Complete the lists in a value; `names` lead to it, as in the parts of `expand`."""
        if isinstance(value, list):
            for each in value:
                self._visit(each, names, errors)
        elif isinstance(value, dict):
            for name, member in list(value.items()):
                try:
                    self._visit(member, (*names, name), errors)
                except StripeError as error:
                    is_kept = self.left_out is not None and is_of_one_object(error) and not names_permission(error)
                    if not (is_kept or isinstance(error, NotFound)):
                        raise
                    del value[name]
                    errors.append(error)
            if _is_cut_list(value):
                self._read_on(value, names, errors)

    def _read_on(self, nested: Node, names: tuple[str, ...], errors: list[StripeError]) -> None:
        """Read what follows the entries that the list shows."""
        url, data, where = nested.get("url"), nested.get("data"), ".".join(names)
        if not isinstance(url, str) or not url.startswith("/v1/") or not isinstance(data, list):
            raise unreadable(self.path, f"the list {where} is cut, and has no entries or no URL of Stripe's API")
        address = urlsplit(url)
        below = f"{where}."
        expand = [name.removeprefix(below) for name in self.expand if name.startswith(below)]
        # Some URLs have a filter, for example those of subscription items.
        query = {**dict(parse_qsl(address.query)), "limit": PAGE_LIMIT, "expand": expand}

        def ask(asked: Question) -> _Page:
            read = partial(read_parsed_page, address.path)
            page = self.client.get(address.path, {**query, "starting_after": asked.after}, read=read).value
            return _Page(page.data, _entries(address.path, page.data), page.has_more)

        reading = ListReading(can_narrow=False)
        reading.take(_entries(address.path, data), has_more=True)
        for page, new in read_pages(reading, ask, address.path):
            for each in (page.data[position] for position in new):
                self._visit(each, (*names, "data"), errors)
                data.append(each)
        nested["has_more"] = False


def _is_cut_list(node: Node) -> bool:
    is_listed = isinstance(node.get("data"), list) and str(node.get("url")).startswith("/v1/")
    return node.get("has_more") is True and (node.get("object") == "list" or is_listed)


def _entries(path: str, data: Sequence[object]) -> list[Entry]:
    """What the rule of lists needs of these entries. Raises UnreadableAnswer unless each has an id of its own."""
    ids = [each.get("id") if isinstance(each, dict) else None for each in data]
    if not all(isinstance(each, str) and each for each in ids):
        raise unreadable(path, "an entry has no id")
    check_doubles(path, data)  # type: ignore[arg-type]  # objects
    return [Entry(each) for each in ids]
