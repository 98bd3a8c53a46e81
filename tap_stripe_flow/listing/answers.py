"""The bodies of Stripe's answers: a page or an object as compact JSON, with as much of it parsed as the tap reads by.

A body that is cut, or no JSON, raises ValueError, and the client asks again. Whole JSON that lacks what the tap reads
by raises UnreadableAnswer, since asking again would not help. Its message holds no value but ids that Stripe has made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Literal, NoReturn

import msgspec

from stripe_flow.api.errors import UnreadableAnswer
from stripe_flow.api.stripe_ids import HIDDEN, is_stripe_id, shown_path
from tap_stripe_flow.listing.object_key import ObjectKey, ObjectKeys, key_decoder, keys_decoder, read_key

Node = dict[str, Any]  # Any: Stripe's JSON
# Longer numbers than this many digits are no time, and Python refuses to parse the longest.
_DIGITS = 20
# The entry of a page in which msgspec finds a fault.
_ENTRY = re.compile(r"\$\.data\[(\d+)\]")


class ParsedPage(msgspec.Struct):
    """A page of a list whose objects are parsed."""

    object: Literal["list"]
    data: list[Node]
    has_more: bool


def read_page(path: str, stamp: str | None, body: bytes) -> tuple[ObjectKeys, bytes]:
    """The keys of a page of the list at `path`, and its compact text.

    `stamp` is the member with the time that the list can be filtered by, None if it cannot. Raises UnreadableAnswer, or
    ValueError if the body is cut or no JSON.
    """
    try:
        text = compact(body)
        keys = keys_decoder(stamp).decode(text)
    except (msgspec.DecodeError, RecursionError):
        _refuse(path, body, keys_decoder(stamp).type)
    if len({each.id for each in keys.data}) < len(keys.data):
        check_doubles(path, msgspec.json.decode(text, type=ParsedPage).data)
    return keys, text


def read_parsed_page(path: str, body: bytes) -> ParsedPage:
    """A page of the list at `path`. Raises UnreadableAnswer, or ValueError if the body is cut or no JSON."""
    try:
        return msgspec.json.decode(body, type=ParsedPage)
    except (msgspec.DecodeError, RecursionError):
        _refuse(path, body, ParsedPage)


def read_one(path: str, stamp: str | None, body: bytes) -> tuple[ObjectKey, bytes]:
    """The key of the object at `path`, which may be deleted, and its compact text.

    Raises UnreadableAnswer, or ValueError if the body is cut or no JSON.
    """
    try:
        text = compact(body)
        return read_key(stamp, text), text
    except (msgspec.DecodeError, RecursionError):
        _refuse(path, body, key_decoder(stamp).type)


def compact(body: bytes) -> bytes:
    """JSON text without white space between tokens; values keep their spelling. Raises ValueError for invalid JSON."""
    if not body.isascii():
        body.decode()  # msgspec does not validate the UTF-8 of members that it skips
    return msgspec.json.format(body, indent=-1)


def check_doubles(path: str, entries: Iterable[Node]) -> None:
    """Raise UnreadableAnswer if two entries of the list at `path` have one id and different values."""
    known: dict[object, Node] = {}
    for entry in entries:
        if known.setdefault(entry["id"], entry) != entry:
            raise unreadable(path, f"a page shows two different objects with one id{_name(entry)}")


def unreadable(path: str, fault: str) -> UnreadableAnswer:
    """The error for an answer of `path` with this fault."""
    return UnreadableAnswer(
        f"GET {shown_path(path)}: Stripe's answer cannot be read: {fault}. The next run reads it again. If this stays "
        "so, ask Stripe's support, or deselect the stream"
    )


def _refuse(path: str, body: bytes, kind: type[object]) -> NoReturn:
    """Raise what it means that msgspec does not read the body as `kind`: ValueError if it is not whole JSON."""
    answer: object = None
    try:
        answer = json.loads(body, parse_int=lambda digits: int(digits[:_DIGITS]))
        msgspec.convert(answer, kind)
        fault = f"JSON does not allow one of its texts or numbers{_name(_not_json(answer))}"
    except RecursionError:
        fault = "its values are nested too deeply"
    except msgspec.ValidationError as error:
        fault = _describe(answer, str(error))
    raise unreadable(path, fault) from None


def _describe(answer: object, fault: str) -> str:
    """What msgspec says about a fault, which is the place and the types, with the id of the object."""
    if not isinstance(answer, dict) or "object" not in answer:
        return f"{fault}, so it is not Stripe's: check the setting base_url"
    if fault.startswith("Invalid enum value"):  # the rest would quote it
        return "it is not a list"
    position = _ENTRY.search(fault)
    return fault + _name(answer["data"][int(position[1])]) if position else fault


def _not_json(answer: object) -> object:
    """The first entry, or the object, that Python's lenient parser took though it is no JSON."""
    entries = answer.get("data") if isinstance(answer, dict) else None
    return next((each for each in entries if not _is_json(each)), answer) if isinstance(entries, list) else answer


def _is_json(value: object) -> bool:
    """Whether a parsed value has no NaN and no half of a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _name(entry: object) -> str:
    """` (object ch_1)`; empty without an id. An id that Stripe has not made is not shown."""
    object_id = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(object_id, str) or not object_id:
        return ""
    return f" (object {object_id if is_stripe_id(object_id) else HIDDEN})"
