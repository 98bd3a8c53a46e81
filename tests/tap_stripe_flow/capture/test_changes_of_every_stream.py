"""`capture: changes` over every kind of object that Stripe has events for: changed, or deleted, it comes again."""

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
# Parts that Stripe has events for.
TOLD_OF_THEMSELVES = [spec for spec in STREAMS if spec.child_of is not None and (spec.events or spec.deleted_by)]


@dataclass(frozen=True, kw_only=True)
class Told:
    """Objects by kind, oldest first, and the run after the first of each was changed and the second deleted."""

    sandbox: Sandbox
    objects: dict[str, list[str]]
    before: Ended
    after: Ended


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("changes")
    with Sandbox() as sandbox:
        kinds = {spec.kind for spec in (*CHANGED, *DELETED)}
        objects = {kind: sandbox.make(kind, 3, every_s=3600) for kind in sorted(kinds)}
        for spec in OF_CHANGED:
            assert spec.child_of is not None
            for owner in objects[spec.child_of.parent.kind][:2]:
                sandbox.make(spec.kind, 12, of=owner)
        settings = config(sandbox, capture="changes")
        before = run(folder, settings)
        sandbox.advance(3600)
        for spec in CHANGED:
            sandbox.change(spec.kind, objects[spec.kind][0], metadata={"changed": "yes"})
        for spec in DELETED:
            sandbox.delete(spec.kind, objects[spec.kind][1])
        yield Told(
            sandbox=sandbox, objects=objects, before=before, after=run(folder, settings, state=before.states[-1])
        )


def test_both_runs_end_well(told: Told) -> None:
    assert (told.before.code, told.after.code) == (0, 0)


@pytest.mark.parametrize(
    "spec", [*CHANGED, *(each for each in DELETED if each not in CHANGED)], ids=lambda spec: spec.name
)
def test_what_changed_comes_as_it_is_and_nothing_else(spec: StreamSpec, told: Told) -> None:
    changed, deleted, _ = told.objects[spec.kind]
    expected = []
    if spec in CHANGED:
        expected += [each for each in told.sandbox.objects(spec.kind) if each["id"] == changed]
        assert expected[0]["metadata"] == {"changed": "yes"}
    if spec in DELETED:
        expected.append({"id": deleted, "object": spec.kind, "deleted": True})

    emitted = told.after.records(spec.name)

    order = sorted(emitted, key=lambda each: str(each["id"]))
    assert len(told.before.records(spec.name)) == 3
    assert [each["id"] for each in order] == sorted(each["id"] for each in expected)
    for each in expected:
        shown = next(record for record in emitted if record["id"] == each["id"])
        assert {name: shown[name] for name in ("id", "object", "metadata", "deleted") if name in each} == {
            name: each[name] for name in ("id", "object", "metadata", "deleted") if name in each
        }


@pytest.mark.parametrize("spec", OF_CHANGED, ids=lambda spec: spec.name)
def test_parts_come_again_with_the_object_that_changed(spec: StreamSpec, told: Told) -> None:
    assert spec.child_of is not None
    changed, other, _ = told.objects[spec.child_of.parent.kind]
    first = [each for each in told.before.records(spec.name) if each[PARENT_MEMBER] == changed]

    again = told.after.records(spec.name)

    assert {each[PARENT_MEMBER] for each in told.before.records(spec.name)} == {changed, other}
    assert len(first) == 12
    assert sorted(again, key=lambda each: str(each["id"])) == sorted(first, key=lambda each: str(each["id"]))


@dataclass(frozen=True, kw_only=True)
class Touched:
    """The parts of two owners, and the run after the first owner's were changed: `sandbox` has them as they are now."""

    owners: tuple[str, str]
    lost: str
    before: Ended
    after: Ended


@pytest.fixture(scope="module")
def reread_parents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Touched]]:
    folder = tmp_path_factory.mktemp("parts")
    with Sandbox() as sandbox:
        owners, lost = {}, {}
        for spec in TOLD_OF_THEMSELVES:
            owners[spec.name] = two_owners(sandbox, spec)
        settings = config(sandbox, capture="changes")
        before = run(folder, settings)
        sandbox.advance(3600)
        for spec in TOLD_OF_THEMSELVES:
            owner = owners[spec.name][0]
            shown = [each["id"] for each in before.records(spec.name) if each[PARENT_MEMBER] == owner]
            sandbox.make(spec.kind, of=owner)
            sandbox.change(spec.kind, shown[0], of=owner, metadata={"changed": "yes"})
            lost[spec.name] = shown[1]
            if spec.deleted_by:
                sandbox.delete(spec.kind, shown[1], of=owner)
        after = run(folder, settings, state=before.states[-1])
        yield {
            spec.name: Touched(owners=owners[spec.name], lost=lost[spec.name], before=before, after=after)
            for spec in TOLD_OF_THEMSELVES
        }


def two_owners(sandbox: Sandbox, spec: StreamSpec) -> tuple[str, str]:
    assert spec.child_of is not None
    kind = spec.child_of.parent.kind
    one, other = sandbox.make(kind, 2) if kind in SHOWN else [a_customer(sandbox) for _ in range(2)]
    for owner in (one, other):
        sandbox.make(spec.kind, 12, of=owner)
    return one, other


def a_customer(sandbox: Sandbox) -> str:
    return str(official(sandbox).v1.customers.create().id)


@pytest.mark.parametrize("spec", TOLD_OF_THEMSELVES, ids=lambda spec: spec.name)
def test_parts_that_changed_come_though_their_object_did_not(
    spec: StreamSpec, reread_parents: dict[str, Touched]
) -> None:
    it = reread_parents[spec.name]
    was = {each["id"] for each in it.before.records(spec.name) if each[PARENT_MEMBER] == it.owners[0]}
    came = it.after.records(spec.name)
    alive = [each for each in came if not each.get("deleted")]
    deleted_by = {"id": it.lost, "object": spec.kind, "deleted": True, PARENT_MEMBER: it.owners[0]}

    assert it.after.code == 0
    assert {each[PARENT_MEMBER] for each in came} == {it.owners[0]}
    assert [each for each in came if each.get("deleted")] == ([deleted_by] if spec.deleted_by else [])
    assert {each["id"] for each in alive} >= was - ({it.lost} if spec.deleted_by else set())
    assert len(alive) == len(was) + (0 if spec.deleted_by else 1)
    assert [each["metadata"] for each in alive if each.get("metadata")] == [{"changed": "yes"}]
