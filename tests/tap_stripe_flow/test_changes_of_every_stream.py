"""`capture: changes` over every kind of object that Stripe has events for: changed, or deleted, it comes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stripe_flow.sandbox.shelves import SHELVES
from tap_stripe_flow.found import PARENT_MEMBER
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.support.plugins import Ended
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.test_every_stream import config, run

# The kinds that nothing but the sandbox's controls changes; of the others see test_changes.
SHOWN = {shelf.noun for shelf in SHELVES}
CHANGED = [spec for spec in STREAMS if spec.belongs is None and spec.events and spec.kind in SHOWN]
DELETED = [spec for spec in STREAMS if spec.belongs is None and spec.gone and spec.kind in SHOWN]
OF_CHANGED = [spec for spec in STREAMS if spec.belongs is not None and spec.belongs.parent in CHANGED]


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
            assert spec.belongs is not None
            for owner in objects[spec.belongs.parent.kind][:2]:
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
    assert spec.belongs is not None
    changed, other, _ = told.objects[spec.belongs.parent.kind]
    first = [each for each in told.before.records(spec.name) if each[PARENT_MEMBER] == changed]

    again = told.after.records(spec.name)

    assert {each[PARENT_MEMBER] for each in told.before.records(spec.name)} == {changed, other}
    assert len(first) == 12
    assert sorted(again, key=lambda each: str(each["id"])) == sorted(first, key=lambda each: str(each["id"]))
