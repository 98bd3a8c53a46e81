"""Laws of all readers of Stripe lists: each object is read once, none is lost, and no failure looks like the end."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.lists.objects import Objects
from tests.lists.readers import DELETIONS, READERS, ListReader
from tests.lists.turns import read_with

PAGED = [reader for reader in READERS if reader.has_pages]
PAGE = 100

each_reader = pytest.mark.parametrize("reader", READERS, ids=str)
each_paged_reader = pytest.mark.parametrize("reader", PAGED, ids=str)


def match(reader: ListReader, objects: Objects) -> dict[str, str]:
    return {"method": "GET", "path": reader.path, "account": objects.account.id}


def fill(reader: ListReader, objects: Objects) -> None:
    """Makes three pages, or one object for a reader of one page."""
    objects.make([max(reader.sizes) - 1, 1])


@pytest.mark.parametrize(
    ("reader", "size"),
    [pytest.param(reader, size, id=f"{reader}-{size}") for reader in READERS for size in reader.sizes],
)
def test_every_object_is_read_exactly_once(reader: ListReader, size: int, objects: Objects) -> None:
    objects.make([size - 5 * (size // 10), *[size // 10] * 5])

    read = reader.read(objects)

    assert len(objects.ids) == size
    assert Counter(read) == Counter(objects.ids)


@pytest.mark.parametrize(
    ("reader", "deletion"),
    [pytest.param(reader, name, id=f"{reader}-{name}") for reader in READERS for name in reader.survives],
)
def test_objects_deleted_between_two_pages_hide_no_other_object(
    reader: ListReader, deletion: str, logged_objects: Objects
) -> None:
    objects = logged_objects
    objects.make(reader.seconds)
    order, deleted, ends = list(objects.cursors), set[str](), [-PAGE]

    def delete(cursor: str) -> None:
        """Delete once for each page, not again while the reader goes back because of it."""
        end = order.index(cursor) if cursor in order else ends[0]
        if end >= ends[-1] + PAGE:
            ends.append(end)
            page = [objects.cursors[each] for each in order[: end + 1][-PAGE:]]
            wanted = set(DELETIONS[deletion](page)) - deleted
            objects.delete(wanted)
            deleted.update(wanted)

    read = read_with(objects.account.sandbox, match(reader, objects), lambda: reader.read(objects), delete)

    assert deleted
    assert set(objects.ids) - deleted <= set(read) <= set(objects.ids)
    assert len(read) == len(set(read))


@each_paged_reader
def test_objects_created_during_reading_hide_no_older_object(reader: ListReader, logged_objects: Objects) -> None:
    objects, added = logged_objects, list[str]()
    objects.make(reader.seconds)

    read = read_with(
        objects.account.sandbox,
        match(reader, objects),
        lambda: reader.read(objects),
        lambda _: added.append(objects.add()),
    )

    assert added
    assert set(objects.ids) <= set(read) <= {*objects.ids, *added}
    assert len(read) == len(set(read))


@pytest.mark.parametrize("status", [429, 500])
@each_reader
def test_a_page_that_stripe_refuses_once_is_requested_again(reader: ListReader, status: int, objects: Objects) -> None:
    fill(reader, objects)
    page = 1 if status == 500 and reader.has_pages else 0
    refusal = {"name": "refusal", "skip": page, "times": 1, "action": {"kind": "answer", "status": status}}
    objects.account.sandbox.faults({"match": match(reader, objects), **refusal})

    read = reader.read(objects)

    assert Counter(read) == Counter(objects.ids)
    assert objects.account.sandbox.fault_state("refusal")["struck"] == 1


@each_reader
def test_a_list_without_permission_never_reads_as_empty(reader: ListReader, objects: Objects) -> None:
    fill(reader, objects)

    with pytest.raises(reader.refused):
        reader.read(objects, api_key=reader.key)


@pytest.mark.promise("target 5", "A page that the key may not read never counts as the end of a list")
@pytest.mark.parametrize("page", range(3))
@each_paged_reader
def test_a_page_without_permission_never_ends_a_list(reader: ListReader, page: int, objects: Objects) -> None:
    fill(reader, objects)
    refusal = {"kind": "answer", "status": 403, "error": {"type": "invalid_request_error"}}
    objects.account.sandbox.faults({"match": match(reader, objects), "skip": page, "action": refusal})

    with pytest.raises(reader.refused):
        reader.read(objects)


@pytest.mark.parametrize(
    ("reader", "page"),
    [
        pytest.param(reader, page, id=f"{reader}-{page}")
        for reader in READERS
        for page in (0, 2)[: 1 + reader.has_pages]
    ],
)
def test_a_truncated_page_never_ends_a_list(reader: ListReader, page: int, objects: Objects) -> None:
    fill(reader, objects)
    cut = {"kind": "truncate", "bytes": 40}
    objects.account.sandbox.faults({"match": match(reader, objects), "skip": page, "action": cut})

    with pytest.raises(reader.cut):
        reader.read(objects, give_up_after_s=0)


@each_reader
def test_an_answer_that_is_no_list_never_reads_as_empty(reader: ListReader, objects: Objects) -> None:
    fill(reader, objects)
    objects.account.sandbox.faults({"match": match(reader, objects), "action": {"kind": "answer", "status": 200}})

    with pytest.raises(reader.unreadable):
        reader.read(objects, give_up_after_s=0)


@pytest.mark.parametrize("has_more", [True, False])
@pytest.mark.parametrize("skip", [0, 1])
@each_paged_reader
def test_an_empty_page_after_more_was_promised_hides_nothing(
    reader: ListReader, skip: int, objects: Objects, *, has_more: bool
) -> None:
    objects.make(reader.seconds)
    empty = {"kind": "empty_page", "has_more": has_more}
    objects.account.sandbox.faults(
        {"name": "empty", "match": match(reader, objects), "skip": skip, "times": 1, "action": empty}
    )

    read = reader.read(objects)

    assert Counter(read) == Counter(objects.ids)
    assert objects.account.sandbox.fault_state("empty")["struck"] == 1


@pytest.mark.promise(
    "tap 5",
    "A list whose pages say `has_more` and stay empty never counts as complete, for every reader of both plugins",
)
@pytest.mark.parametrize("has_more", [True, False])
@pytest.mark.parametrize("skip", [0, 1])
@each_paged_reader
def test_a_list_that_promises_more_and_shows_nothing_is_never_whole(
    reader: ListReader, skip: int, objects: Objects, *, has_more: bool
) -> None:
    fill(reader, objects)
    empty = {"kind": "empty_page", "has_more": has_more}
    objects.account.sandbox.faults({"match": match(reader, objects), "skip": skip, "action": empty})

    with pytest.raises(reader.unfinished):
        reader.read(objects)
