"""`capture: changes` for every kind of object with events: changed and deleted objects are emitted again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS
from tap_stripe_flow.listing.record import PARENT_MEMBER
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.official import official
from tests.support.plugins import Ended
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.streams.test_every_stream import config, run

# The kinds that nothing but the sandbox's controls changes; of the others see test_changes.
SHOWN = {shelf.noun for shelf in READ_ONLY_LISTS}
CHANGED = [spec for spec in STREAMS if spec.child_of is None and spec.events and spec.kind in SHOWN]
DELETED = [spec for spec in STREAMS if spec.child_of is None and spec.deleted_by and spec.kind in SHOWN]
OF_CHANGED = [spec for spec in STREAMS if spec.child_of is not None and spec.child_of.parent in CHANGED]
# Child streams whose objects have events.
WITH_CHILD_EVENTS = [spec for spec in STREAMS if spec.child_of is not None and (spec.events or spec.deleted_by)]


@dataclass(frozen=True, kw_only=True)
class ChangedRun:
    """Objects by kind, oldest first, and a run after the first of each was changed and the second deleted."""

    sandbox: Sandbox
    objects: dict[str, list[str]]
    before: Ended
    after: Ended


@pytest.fixture(scope="module")
def changed_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChangedRun]:
    folder = tmp_path_factory.mktemp("changes")
    with Sandbox() as sandbox:
        kinds = {spec.kind for spec in (*CHANGED, *DELETED)}
        objects = {kind: sandbox.make(kind, 3, every_s=3600) for kind in sorted(kinds)}
        for spec in OF_CHANGED:
            assert spec.child_of is not None
            for parent in objects[spec.child_of.parent.kind][:2]:
                sandbox.make(spec.kind, 12, of=parent)
        settings = config(sandbox, capture="changes")
        before = run(folder, settings)
        sandbox.advance(3600)
        for spec in CHANGED:
            sandbox.change(spec.kind, objects[spec.kind][0], metadata={"changed": "yes"})
        for spec in DELETED:
            sandbox.delete(spec.kind, objects[spec.kind][1])
        yield ChangedRun(
            sandbox=sandbox, objects=objects, before=before, after=run(folder, settings, state=before.states[-1])
        )


def test_both_runs_end_well(changed_run: ChangedRun) -> None:
    assert (changed_run.before.code, changed_run.after.code) == (0, 0)


@pytest.mark.promise(
    "tap 4",
    "For each kind of object with events: changed and deleted objects are emitted again, and no others",
)
@pytest.mark.parametrize(
    "spec", [*CHANGED, *(each for each in DELETED if each not in CHANGED)], ids=lambda spec: spec.name
)
def test_only_changed_objects_are_emitted_again_as_they_are_now(spec: StreamSpec, changed_run: ChangedRun) -> None:
    changed, deleted, _ = changed_run.objects[spec.kind]
    expected = []
    if spec in CHANGED:
        expected += [each for each in changed_run.sandbox.objects(spec.kind) if each["id"] == changed]
        assert expected[0]["metadata"] == {"changed": "yes"}
    if spec in DELETED:
        expected.append({"id": deleted, "object": spec.kind, "deleted": True})

    emitted = changed_run.after.records(spec.name)

    order = sorted(emitted, key=lambda each: str(each["id"]))
    assert len(changed_run.before.records(spec.name)) == 3
    assert [each["id"] for each in order] == sorted(each["id"] for each in expected)
    for each in expected:
        record = next(record for record in emitted if record["id"] == each["id"])
        assert {name: record[name] for name in ("id", "object", "metadata", "deleted") if name in each} == {
            name: each[name] for name in ("id", "object", "metadata", "deleted") if name in each
        }


@pytest.mark.parametrize("spec", OF_CHANGED, ids=lambda spec: spec.name)
def test_children_are_emitted_again_with_their_changed_parent(spec: StreamSpec, changed_run: ChangedRun) -> None:
    assert spec.child_of is not None
    changed, other, _ = changed_run.objects[spec.child_of.parent.kind]
    first = [each for each in changed_run.before.records(spec.name) if each[PARENT_MEMBER] == changed]

    again = changed_run.after.records(spec.name)

    assert {each[PARENT_MEMBER] for each in changed_run.before.records(spec.name)} == {changed, other}
    assert len(first) == 12
    assert sorted(again, key=lambda each: str(each["id"])) == sorted(first, key=lambda each: str(each["id"]))


@dataclass(frozen=True, kw_only=True)
class ChildrenChanged:
    """Two parents of each child stream, and the run after children of the first parent changed."""

    parents: tuple[str, str]
    deleted: str
    before: Ended
    after: Ended


@pytest.fixture(scope="module")
def children_changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ChildrenChanged]]:
    folder = tmp_path_factory.mktemp("children")
    with Sandbox() as sandbox:
        parents, deleted = {}, {}
        for spec in WITH_CHILD_EVENTS:
            parents[spec.name] = two_parents(sandbox, spec)
        settings = config(sandbox, capture="changes")
        before = run(folder, settings)
        sandbox.advance(3600)
        for spec in WITH_CHILD_EVENTS:
            parent = parents[spec.name][0]
            ids = [each["id"] for each in before.records(spec.name) if each[PARENT_MEMBER] == parent]
            sandbox.make(spec.kind, of=parent)
            sandbox.change(spec.kind, ids[0], of=parent, metadata={"changed": "yes"})
            deleted[spec.name] = ids[1]
            if spec.deleted_by:
                sandbox.delete(spec.kind, ids[1], of=parent)
        after = run(folder, settings, state=before.states[-1])
        yield {
            spec.name: ChildrenChanged(
                parents=parents[spec.name], deleted=deleted[spec.name], before=before, after=after
            )
            for spec in WITH_CHILD_EVENTS
        }


def two_parents(sandbox: Sandbox, spec: StreamSpec) -> tuple[str, str]:
    assert spec.child_of is not None
    kind = spec.child_of.parent.kind
    one, other = sandbox.make(kind, 2) if kind in SHOWN else [a_customer(sandbox) for _ in range(2)]
    for parent in (one, other):
        sandbox.make(spec.kind, 12, of=parent)
    return one, other


def a_customer(sandbox: Sandbox) -> str:
    return str(official(sandbox).v1.customers.create().id)


@pytest.mark.parametrize("spec", WITH_CHILD_EVENTS, ids=lambda spec: spec.name)
def test_changed_children_are_emitted_although_their_parent_did_not_change(
    spec: StreamSpec, children_changed: dict[str, ChildrenChanged]
) -> None:
    case = children_changed[spec.name]
    ids_before = {each["id"] for each in case.before.records(spec.name) if each[PARENT_MEMBER] == case.parents[0]}
    emitted = case.after.records(spec.name)
    alive = [each for each in emitted if not each.get("deleted")]
    deletion = {"id": case.deleted, "object": spec.kind, "deleted": True, PARENT_MEMBER: case.parents[0]}

    assert case.after.code == 0
    assert {each[PARENT_MEMBER] for each in emitted} == {case.parents[0]}
    assert [each for each in emitted if each.get("deleted")] == ([deletion] if spec.deleted_by else [])
    assert {each["id"] for each in alive} >= ids_before - ({case.deleted} if spec.deleted_by else set())
    assert len(alive) == len(ids_before) + (0 if spec.deleted_by else 1)
    assert [each["metadata"] for each in alive if each.get("metadata")] == [{"changed": "yes"}]
