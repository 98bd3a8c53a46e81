"""Answers that are whole JSON and lack what the tap reads by: named at once, never asked for again, never emitted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

import pytest

from stripe_flow.api.errors import StripeError, StripeUnreachable, UnreadableAnswer
from stripe_flow.api.settings import open_client
from tap_stripe_flow.listing.pages import Listing
from tests.support.plugins import a_config
from tests.support.scenes import Answer, Json, Scenes

NOW = 1_790_000_000
PATH = "/v1/invoiceitems"
PRIVATE = "ann@example.com"  # a value of a record, which no message may show


def an_object(**members: object) -> Json:
    return {"id": "ii_1", "object": "invoiceitem", "created": NOW, "date": NOW, "name": PRIVATE} | members


def a_page(*entries: object, **members: object) -> Json:
    return {"object": "list", "url": PATH, "has_more": False, "data": list(entries)} | members


def without(whole: Json, name: str) -> Json:
    return {member: value for member, value in whole.items() if member != name}


@pytest.fixture(scope="module")
def stripe() -> Iterator[Scenes]:
    with Scenes(now=NOW) as running:
        yield running


def refused(stripe: Scenes, body: object, read: Callable[[Listing], object], stamp: str | None) -> StripeError:
    """The error of a reader that gets `body`; asserts that no message shows a value."""
    stripe.set(now=NOW, answers=[Answer(path=f"{PATH}*", status=200, body=body)])
    client = open_client(a_config(stripe.url, give_up_after_s=0))
    with pytest.raises(StripeError) as error:
        read(Listing(client=client, path=PATH, stamp=stamp))
    assert PRIVATE not in str(error.value)
    assert "Traceback" not in str(error.value)
    return error.value


READ: Mapping[str, tuple[Callable[[Listing], object], str | None]] = {
    "page by created": (lambda listing: list(listing.pages(0, NOW + 5)), "created"),
    "page by date": (lambda listing: list(listing.pages(0, NOW + 5)), "date"),
    "newest page": (lambda listing: listing.page(0, NOW + 5), "created"),
    "one object of a list": (lambda listing: listing.ask_for_one(), "created"),
    "full list": (lambda listing: list(listing.every_page()), None),
}
BY_ID: Mapping[str, tuple[Callable[[Listing], object], str | None]] = {
    "by created": (lambda listing: listing.retrieve("ii_1"), "created"),
    "by date": (lambda listing: listing.retrieve("ii_1"), "date"),
    "without a time": (lambda listing: listing.retrieve("ii_1"), None),
}
DEEP = b'{"id": "ii_1", "created": 1, "date": 1, "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
# What is odd about a page, and what the message says about it.
NO_LISTS: Mapping[str, tuple[object, str]] = {
    "no object": ([], "array"),
    "a text": (PRIVATE, "str"),
    "null": (b"null", "null"),
    "another object": (an_object(), "not a list"),
    "no kind": (without(a_page(), "object"), "object"),
    "no data": (without(a_page(), "data"), "data"),
    "data is null": (a_page(data=None), "data"),
    "data is an object": (a_page(data={"id": "ii_1"}), "data"),
    "no has_more": (without(a_page(), "has_more"), "has_more"),
    "has_more is null": (a_page(has_more=None), "has_more"),
    "has_more is a text": (a_page(has_more="true"), "has_more"),
    "an entry is null": (a_page(an_object(), None), "data[1]"),
    "an entry is a text": (a_page(an_object(), PRIVATE), "data[1]"),
    "two objects with one id": (a_page(an_object(), an_object(amount=5)), "(object ii_1)"),
    "nested too deeply": (b'{"object": "list", "has_more": false, "data": [%b]}' % DEEP, "nested"),
}
ODD_IDS: Mapping[str, object] = {"null": None, "a number": 5, "empty": "", "a list": [PRIVATE], "an object": {}}
ODD_TIMES: Mapping[str, object] = {
    "null": None,
    "a fraction": 1.5,
    "a float": 1.0,
    "a boolean": True,
    "a text": "1",
    "negative": -1,
    "milliseconds": NOW * 1000,
    "beyond 64 bits": 10**30,
    "of thousands of digits": 0,  # put in as text
}
NO_JSON = {"half a surrogate pair": "caf\ud83d", "another half": "\udc00x", "NaN": float("nan"), "infinite": -1e999}


@pytest.mark.parametrize(("read", "stamp"), READ.values(), ids=READ)
@pytest.mark.parametrize(("body", "said"), NO_LISTS.values(), ids=NO_LISTS)
def test_an_answer_that_is_no_list_is_refused_at_once(
    stripe: Scenes, body: object, said: str, read: Callable[[Listing], object], stamp: str | None
) -> None:
    before = len(stripe.asked)

    error = refused(stripe, body, read, stamp)

    assert isinstance(error, UnreadableAnswer)
    assert str(error).startswith(f"GET {PATH}: ")
    assert said in str(error)
    assert len(stripe.asked) == before + 1


def with_digits(body: Json) -> bytes:
    return json.dumps(body).replace(": 0,", f": {'9' * 5_000},").encode()


@pytest.mark.parametrize(("read", "stamp"), [*READ.values(), *BY_ID.values()], ids=[*READ, *BY_ID])
@pytest.mark.parametrize("value", ODD_IDS.values(), ids=ODD_IDS)
def test_an_object_without_an_id_is_refused_at_once(
    stripe: Scenes, value: object, read: Callable[[Listing], object], stamp: str | None
) -> None:
    odd = an_object(id=value)

    for each in (odd, without(odd, "id")):
        error = refused(stripe, each if read in dict(BY_ID.values()) else a_page(an_object(), each), read, stamp)

        assert isinstance(error, UnreadableAnswer)
        assert "id`" in str(error)


@pytest.mark.promise(
    "tap 8",
    "An answer that lacks what the tap needs fails at once, and the message names path and id",
)
@pytest.mark.parametrize(
    ("name", "read", "stamp"),
    [
        pytest.param(name, read, stamp, id=f"{reader}-{name}")
        for reader, (read, stamp) in {**READ, **BY_ID}.items()
        for name in ODD_TIMES
        if not (name == "null" and reader in BY_ID and stamp)  # a deleted object has no time
    ],
)
def test_an_object_with_an_odd_time_is_refused_at_once(
    stripe: Scenes, name: str, read: Callable[[Listing], object], stamp: str | None
) -> None:
    is_by_id = read in dict(BY_ID.values())
    odd = an_object(**{stamp or "created": ODD_TIMES[name]})
    body = odd if is_by_id else a_page(odd)

    error = refused(stripe, with_digits(body) if "digits" in name else body, read, stamp)

    assert isinstance(error, UnreadableAnswer)
    assert f"{stamp or 'created'}`" in str(error)
    assert is_by_id or "(object ii_1)" in str(error)


@pytest.mark.parametrize(("read", "stamp"), [*READ.values(), *BY_ID.values()], ids=[*READ, *BY_ID])
@pytest.mark.parametrize("value", NO_JSON.values(), ids=NO_JSON)
def test_what_only_lenient_parsers_take_is_refused_at_once(
    stripe: Scenes, value: object, read: Callable[[Listing], object], stamp: str | None
) -> None:
    odd = an_object(id="ii_2", x={"y": [value]})

    error = refused(stripe, odd if read in dict(BY_ID.values()) else a_page(an_object(), odd), read, stamp)

    assert isinstance(error, UnreadableAnswer)
    assert "(object ii_2)" in str(error)


@pytest.mark.parametrize(("read", "stamp"), [*READ.values(), *BY_ID.values()], ids=[*READ, *BY_ID])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"object": "list", "data": [{"id', b'{"a": "\xff"}', b"{} {}"])
def test_a_body_that_is_cut_or_no_json_is_asked_for_again(
    stripe: Scenes, body: bytes, read: Callable[[Listing], object], stamp: str | None
) -> None:
    assert isinstance(refused(stripe, body, read, stamp), StripeUnreachable)


def test_an_id_that_a_person_has_chosen_is_not_shown(stripe: Scenes) -> None:
    error = refused(
        stripe, a_page(an_object(id=PRIVATE, created=None)), lambda listing: listing.page(0, None), "created"
    )

    assert "(object …)" in str(error)


def test_one_object_twice_on_a_page_is_emitted_once(stripe: Scenes) -> None:
    stripe.set(now=NOW, lists={PATH: [an_object(), an_object(), an_object(id="ii_2")]})
    listing = Listing(client=open_client(a_config(stripe.url)), path=PATH)

    for pages in (listing.pages(0, None), listing.every_page()):
        assert [each.id for page in pages for each in page.records()] == ["ii_1", "ii_2"]


@pytest.mark.parametrize("created", [99, 201])
def test_an_object_outside_of_the_range_is_refused(stripe: Scenes, created: int) -> None:
    """It would be dropped, or emitted twice."""
    error = refused(
        stripe, a_page(an_object(created=created)), lambda listing: list(listing.pages(100, 201)), "created"
    )

    assert isinstance(error, UnreadableAnswer)
    assert "created is outside of the range" in str(error)
