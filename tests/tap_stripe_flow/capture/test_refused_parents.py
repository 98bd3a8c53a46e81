"""A parent whose children are refused stops no other: it is named once, kept in the state, and asked again."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from stripe_flow.api.errors import PermissionMissing, Refusal, RequestRefused, StripeError
from tap_stripe_flow.accounts import Account
from tap_stripe_flow.capture.refused_parents import MOST_REFUSED, RefusalLog, RefusedParents
from tap_stripe_flow.reading import Log
from tap_stripe_flow.run import MOST_NAMED
from tap_stripe_flow.source import Source
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.lists.tap import a_reading, a_run
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.scenes import MISSING, REFUSED, Answer, Asked, Scenes
from tests.tap_stripe_flow.furnishing import with_selected

NOW = 1_790_000_000
CHILD_STREAMS = {spec.name: spec for spec in STREAMS if spec.child_of is not None}
# Streams that request each parent's children, and those that find them inside the parent.
LISTED = {name: spec for name, spec in CHILD_STREAMS.items() if spec.child_of and spec.child_of.list_member is None}
INSIDE = {name: spec for name, spec in CHILD_STREAMS.items() if name not in LISTED}
listed = pytest.mark.parametrize("spec", LISTED.values(), ids=LISTED.keys())
REFUSALS = {
    "400": (400, REFUSED),
    "403": (403, REFUSED),
    "404, though the parent is there": (404, MISSING),
    "odd children": (200, {"object": "list", "has_more": False, "data": [{"id": None}]}),
    "no list": (200, {"object": "list", "has_more": False, "data": None}),
}


class Stripe(Scenes):
    """Scenes in which the children of one parent, in a list that is filtered by it, have a path of their own."""

    @override
    def say(self, asked: Asked) -> tuple[int, bytes, int]:
        parent = next((asked.query[name] for name in ("setup_intent",) if name in asked.query), None)
        return super().say(asked if parent is None else dataclasses.replace(asked, path=f"{asked.path}?{parent}"))


@pytest.fixture(scope="module")
def stripe() -> Iterator[Scenes]:
    with Stripe(now=NOW) as running:
        yield running


@dataclasses.dataclass(kw_only=True)
class Read:
    """What one reading of a stream wrote and logged; `error` is what ended it."""

    ids: list[str]
    state: Mapping[str, object]
    named: list[str]
    error: StripeError | None = None


def parent_of(spec: StreamSpec) -> StreamSpec:
    assert spec.child_of is not None
    return spec.child_of.parent


def children_path(spec: StreamSpec, parent_id: str) -> str:
    return spec.path.replace("{id}", parent_id) if "{id}" in spec.path else f"{spec.path}?{parent_id}"


def read(stripe: Scenes, spec: StreamSpec, state: Mapping[str, object] | None = None, **settings: object) -> Read:
    """Read the stream as the engine does: the state is that of the last batch that has one."""
    run, config = a_run(a_config(stripe.url, capture="new", give_up_after_s=1, **settings))
    done = Read(ids=[], state=state or {}, named=[])
    log = Log(
        warn=logging.getLogger(__name__).warning,
        missing=lambda error: done.named.append(str(error)),
        refused=lambda parent_id, _: done.named.append(parent_id),
    )
    try:
        for batch in Source(spec, config).batches(run, a_reading(run, Account(), done.state, log)):
            done.ids += [each.id for each in batch.records]
            done.state = done.state if batch.state is None else batch.state
    except StripeError as error:
        done.error = error
    return done


def furnish(
    stripe: Scenes, spec: StreamSpec, parents: Sequence[str], refused: Mapping[str, tuple[int, object]], now: int = NOW
) -> None:
    """Each parent has one child. The last one is new, if `now` is. Inside a parent a refusal is an odd list instead."""
    member = spec.child_of.list_member if spec.child_of else None
    lists: dict[str, list[Message]] = {parent_of(spec).path: []}
    answers = []
    for number, parent_id in enumerate(parents):
        children = [{"id": f"child_{parent_id}", "object": spec.kind}]
        created = now - 100 if now > NOW and parent_id == parents[-1] else NOW - 5_000 + number
        parent: Message = {"id": parent_id, "object": parent_of(spec).kind, "created": created}
        if member is not None:
            nested = {"object": "list", "data": children, "has_more": False, "url": children_path(spec, parent_id)}
            parent[member] = [] if parent_id in refused else nested
        lists[parent_of(spec).path].append(parent)
        lists[children_path(spec, parent_id)] = children
    for parent_id, (status, body) in refused.items():
        if member is None:
            answers.append(Answer(path=children_path(spec, parent_id), status=status, body=body))
    stripe.set(now=now, lists=lists, answers=answers)


@pytest.mark.promise("tap 8", "If Stripe refuses the child objects of one parent, those of the others are emitted")
@listed
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_the_children_of_the_other_parents_come(stripe: Scenes, spec: StreamSpec, refusal: tuple[int, object]) -> None:
    furnish(stripe, spec, ["a", "b", "c"], {"b": refusal})

    first = read(stripe, spec)
    furnish(stripe, spec, ["a", "b", "c", "d"], {"b": refusal}, now=NOW + 10_000)
    second = read(stripe, spec, first.state)
    furnish(stripe, spec, ["a", "b", "c", "d"], {})
    stripe.set(now=NOW + 20_000)
    third = read(stripe, spec, second.state)

    assert [each.error for each in (first, second, third)] == [None] * 3
    assert [each.ids for each in (first, second, third)] == [["child_a", "child_c"], ["child_d"], ["child_b"]]
    assert [each.named for each in (first, second, third)] == [["b"], [], []]
    assert [each.state.get("refused_parents") for each in (first, second)] == [["b"]] * 2
    assert not third.state.get("refused_parents")


@pytest.mark.parametrize("spec", INSIDE.values(), ids=INSIDE.keys())
def test_an_odd_list_inside_one_parent_keeps_no_other_childs_back(stripe: Scenes, spec: StreamSpec) -> None:
    furnish(stripe, spec, ["a", "b", "c"], {"b": (200, [])})

    first = read(stripe, spec)
    furnish(stripe, spec, ["a", "b", "c"], {})
    stripe.set(now=NOW + 10_000)
    second = read(stripe, spec, first.state)

    assert (first.ids, first.named, first.state["refused_parents"]) == (["child_a", "child_c"], ["b"], ["b"])
    assert (second.ids, second.named, second.state.get("refused_parents")) == (["child_b"], [], None)


@pytest.mark.promise("tap 8", "If Stripe refuses the child objects of all parents, the stream fails on each run")
@listed
@pytest.mark.parametrize("status", [400, 403, 404])
def test_where_all_parents_are_refused_the_stream_fails_on_each_run(
    stripe: Scenes, spec: StreamSpec, status: int
) -> None:
    every = dict.fromkeys("abc", (status, REFUSED))
    furnish(stripe, spec, ["a", "b", "c"], every)

    first = read(stripe, spec)
    second = read(stripe, spec, first.state)

    assert [type(each.error) for each in (first, second)] == [type(first.error)] * 2
    assert first.error is not None
    assert [each.state for each in (first, second)] == [{}, {}]
    assert [each.named for each in (first, second)] == [[], []]
    furnish(stripe, spec, ["a", "b", "c"], {"a": (status, REFUSED)})
    assert read(stripe, spec, second.state).ids == ["child_b", "child_c"]


@listed
def test_a_new_parent_that_is_refused_alone_is_no_missing_permission(stripe: Scenes, spec: StreamSpec) -> None:
    """In a small account most runs read one parent or none."""
    furnish(stripe, spec, ["a"], {})
    first = read(stripe, spec)
    furnish(stripe, spec, ["a", "b"], {"b": (403, REFUSED)}, now=NOW + 10_000)

    second = read(stripe, spec, first.state)

    assert (second.error, second.ids, second.named) == (None, [], ["b"])
    assert second.state["refused_parents"] == ["b"]
    furnish(stripe, spec, ["a", "b"], dict.fromkeys("ab", (403, REFUSED)), now=NOW + 10_000)
    assert isinstance(read(stripe, spec, first.state).error, PermissionMissing)


@listed
def test_a_parent_that_was_deleted_is_not_refused(stripe: Scenes, spec: StreamSpec) -> None:
    furnish(stripe, spec, ["a", "b"], {"b": (404, MISSING)})
    path = parent_of(spec).path
    gone = [Answer(path=f"{path}/b", status=404, body=MISSING), *stripe.answers]
    stripe.set(answers=gone)

    first = read(stripe, spec)
    kept = read(stripe, spec, {**first.state, "refused_parents": ["b"]})

    assert (first.error, first.ids, first.named) == (None, ["child_a"], [])
    assert not kept.state.get("refused_parents")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(path="*/b/*", status=401, body=REFUSED), "KeyRefused"),
        (Answer(path="*/b/*", status=403, body={"error": {"code": "account_invalid"}}), "AccountHidden"),
    ],
    ids=["the key", "the account"],
)
def test_what_is_about_more_than_one_parent_fails_the_stream(stripe: Scenes, answer: Answer, kind: str) -> None:
    furnish(stripe, CHILD_STREAMS["persons"], ["a", "b", "c"], {})
    stripe.set(answers=[answer])

    done = read(stripe, CHILD_STREAMS["persons"])

    assert type(done.error).__name__ == kind
    assert done.state == {}


def test_children_of_found_customers_need_no_bookmark_to_remember_refused_parents(stripe: Scenes) -> None:
    spec = CHILD_STREAMS["customer_balance_transactions"]
    found: dict[str, Any] = {"customers_mode": "find", "customer_ids": ["a", "b"]}  # Any: settings
    furnish(stripe, spec, ["a", "b"], {"b": (403, REFUSED)})

    first = read(stripe, spec, **found)
    second = read(stripe, spec, first.state, **found)
    dropped = read(stripe, spec, first.state, **found | {"customer_ids": ["a"]})
    furnish(stripe, spec, ["a", "b"], {})
    third = read(stripe, spec, second.state, **found)

    assert [each.ids for each in (first, second, third)] == [["child_a"], ["child_a"], ["child_a", "child_b"]]
    assert [each.named for each in (first, second, third)] == [["b"], [], []]
    assert first.state == {"refused_parents": ["b"]}
    assert not third.state.get("refused_parents")
    assert not dropped.state.get("refused_parents")
    furnish(stripe, spec, ["a", "b"], dict.fromkeys("ab", (403, REFUSED)))
    assert isinstance(read(stripe, spec, **found).error, PermissionMissing)


def run_persons(stripe: Scenes, folder: Path, state: Message | None = None, **settings: object) -> Ended:
    catalog = json.loads(run_tap(folder, {}, "--discover").output)
    config = a_config(stripe.url, **settings)
    return run_tap(folder, config, catalog=with_selected(catalog, "persons", "charges"), state=state)


@pytest.mark.promise("tap 8", "The exit code is 2 in the run in which Stripe first refuses a parent's child objects")
def test_the_exit_code_is_2_in_the_run_in_which_a_parent_is_refused_first(stripe: Scenes, tmp_path: Path) -> None:
    spec = CHILD_STREAMS["persons"]
    furnish(stripe, spec, ["acct_1", "acct_2", "acct_3"], {"acct_2": (403, REFUSED)})
    stripe.lists["/v1/charges"] = []

    first = run_persons(stripe, tmp_path)
    second = run_persons(stripe, tmp_path, first.states[-1])
    stripe.set(now=NOW + 1_000)
    third = run_persons(stripe, tmp_path, second.states[-1])
    fourth = run_persons(stripe, tmp_path, third.states[-1])

    assert [each.code for each in (first, second, third, fourth)] == [2, 0, 0, 0]
    assert first.log.count("acct_2") == 1
    assert 'state="1 refused"' in first.log
    assert [len(each.records("persons")) for each in (first, second, third, fourth)] == [2, 0, 1, 0]
    assert "Give the restricted key" not in first.log
    assert not third.states[-1]["bookmarks"]["persons"].get("refused_parents")


def test_thousands_of_refused_parents_are_counted_in_the_log(stripe: Scenes, tmp_path: Path) -> None:
    spec, many = CHILD_STREAMS["persons"], [f"acct_{number}" for number in range(MOST_REFUSED + 200)]
    furnish(stripe, spec, many, {})
    stripe.set(answers=[Answer(path="/v1/accounts/acct_7/persons"), Answer(path="*/persons", status=403, body=REFUSED)])
    stripe.lists["/v1/charges"] = []

    done = run_persons(stripe, tmp_path, concurrency=20)

    assert done.code == 2
    assert [each["id"] for each in done.records("persons")] == ["child_acct_7"]
    assert done.log.count("are left out") == MOST_NAMED
    assert f"the child objects or a list of {len(many) - 1} objects cannot be read; the log names 5 of them" in done.log
    assert len(done.log.splitlines()) < 40
    kept = done.states[-1]["bookmarks"]["persons"]["refused_parents"]
    assert (len(kept), kept[-1]) == (MOST_REFUSED, many[-1])
    assert f"The state remembers {MOST_REFUSED:,} of them" in done.log


def test_a_permission_that_stripe_names_is_not_asked_for_every_parent() -> None:
    named = Refusal(http_status=403, permission="rak_connected_account_read")
    refused = RefusedParents([], RefusalLog())
    for number in range(99):
        refused.refuse(f"acct_{number}", PermissionMissing("no", named))

    with pytest.raises(PermissionMissing):
        refused.refuse("acct_99", PermissionMissing("no", named))

    mixed = RefusedParents([], RefusalLog())
    for number in range(200):
        mixed.refuse(f"acct_{number}", RequestRefused("no") if number == 50 else PermissionMissing("no", named))
    assert mixed.are_all
