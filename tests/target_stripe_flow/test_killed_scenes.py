"""Scenes around the core, with real processes that are killed (SIGKILL): sources, key order, conflicts, scans.

`test_crash_scenes` has those of updates, deferred and pending objects, `execution/test_account_labels.py` those of
labels, `recovery/test_lost_journal.py` those of a rebuild. Objects are counted in the sandbox.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.rows import TYPES, WAYS, fields_of
from tests.support.forking import started
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, clean_env, command, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import TIMEOUT_S

AT = ("before_execute", "after_execute")
DAY_S, SCAN_S = 25 * 3600, 11 * 60
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@dataclass
class Scene:
    """Runs over records of one action, with one journal."""

    sandbox: Sandbox
    folder: Path
    journal_url: str
    way: str

    def __post_init__(self) -> None:
        self.action, self.chosen = WAYS[self.way]
        self.path = ACTIONS[self.action].choose_endpoint(self.chosen or {}).path
        self.fields = fields_of(self.sandbox, self.action)
        self.before = {each["id"] for each in self.sandbox.objects(TYPES[self.action])}

    def config(self, **settings: object) -> dict[str, object]:
        return a_config(self.sandbox.url, journal_url=self.journal_url, timeout_s=TIMEOUT_S, **self.chosen) | settings

    def record(self, stream: str | None = None, **values: object) -> Message:
        return a_record(stream or self.action, **{"id": 1, **self.fields, **values})

    def run(self, lines: Sequence[Message], **settings: object) -> Ended:
        return run_target(self.folder, self.config(**settings), lines)

    def kill(self, lines: Sequence[Message], hold: dict[str, Any], **settings: object) -> None:
        """Kill a run once the server holds its request; the server then executes the request all the same."""
        self.sandbox.faults({"name": "hold", "action": {"kind": "hold"}, "times": 1} | hold)
        read, output, log = (self.folder / name for name in ("input", "output", "log"))
        read.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        line = command("target_stripe_flow", self.folder, self.config(**settings))
        process = started(line, self.folder, clean_env(), given=read, output=output, log=log)
        try:
            self.sandbox.wait_until_held("hold")
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        finally:
            process.kill()
        self.sandbox.release("hold")
        self.sandbox.faults()

    @property
    def made(self) -> list[dict[str, Any]]:
        """The objects that the scene created."""
        return [each for each in self.sandbox.objects(TYPES[self.action]) if each["id"] not in self.before]

    def creation(self, at: str, skip: int = 0) -> dict[str, Any]:
        return {"match": {"method": "POST", "path": self.path}, "at": at, "skip": skip}

    def reading_of_the_list(self) -> dict[str, Any]:
        return {"match": {"method": "GET", "path": self.path}, "at": "before_read"}


@pytest.fixture
def scene(way: str, sandbox: Sandbox, tmp_path: Path, journal_url: str) -> Scene:
    return Scene(sandbox, tmp_path, journal_url, way)


@pytest.mark.volume(cases=2)
@EVERY_WAY
@pytest.mark.parametrize("at", AT)
def test_two_sources_of_one_action_have_one_object_each(at: str, scene: Scene) -> None:
    properties = {"id": {"type": "integer"}}
    schemas = {name: a_schema(name) | {"schema": {"properties": properties}} for name in ("a", "b")}
    lines = [line for name in schemas for line in (schemas[name], scene.record(name))]
    settings: dict[str, object] = {
        "stream_maps": {name: {"__alias__": scene.action} for name in ("a", "b")},
        "source_names": {"a": "shop a", "b": "shop b"},
    }

    scene.kill(lines, scene.creation(at, skip=1), **settings)
    runs = [scene.run(lines, **settings)]
    scene.sandbox.advance(DAY_S)
    runs.append(scene.run(lines, **settings))

    assert [each.code for each in runs] == [0, 0], runs[0].log
    assert runs[-1].summary == "2 records: 2 unchanged"
    assert len({each["metadata"]["stripe_flow"] for each in scene.made}) == len(scene.made) == 2


@pytest.mark.volume(cases=2)
@EVERY_WAY
@pytest.mark.parametrize("at", AT)
def test_keys_in_another_order_after_a_kill_are_the_same_keys(at: str, scene: Scene) -> None:
    def lines(*keys: str) -> list[Message]:
        return [a_schema(scene.action, *keys), scene.record(shop="1", no="2")]

    scene.kill(lines("shop", "no"), scene.creation(at))
    again = scene.run(lines("no", "shop"))
    scene.sandbox.advance(DAY_S)
    last = scene.run(lines("no", "shop"))

    assert (again.code, last.code, last.summary) == (0, 0, "1 records: 1 unchanged"), again.log
    assert len(scene.made) == 1


@pytest.mark.volume(cases=2)
@EVERY_WAY
def test_a_conflict_stays_one_wherever_the_process_is_killed(scene: Scene, tmp_path: Path) -> None:
    """Another project with the same source_name came first; its object is never this record's."""
    other = tmp_path / "other"
    other.mkdir()
    first = [a_schema(scene.action), scene.record(metadata={"project": "a"})]
    ours = [a_schema(scene.action), scene.record(metadata={"project": "b"})]
    run_target(other, a_config(scene.sandbox.url, **scene.chosen), first)

    scene.kill(ours, scene.creation("before_read"))
    refused = scene.run(ours)
    scene.sandbox.advance(SCAN_S)
    scene.kill(ours, scene.reading_of_the_list())
    found = scene.run(ours)
    scene.sandbox.advance(DAY_S)
    last = scene.run(ours)

    assert [(each.code, each.summary[:21]) for each in (refused, found, last)] == [(3, "1 records: 1 rejected")] * 3
    [only] = scene.made
    assert only["metadata"]["project"] == "a"


@pytest.mark.volume(cases=2)
@EVERY_WAY
def test_an_unfinished_scan_proves_nothing_wherever_the_process_is_killed(scene: Scene) -> None:
    lines = [a_schema(scene.action), scene.record()]
    scene.kill(lines, scene.creation("after_execute"))
    scene.sandbox.advance(DAY_S)

    scene.kill(lines, scene.reading_of_the_list())
    refusal = {"kind": "answer", "status": 400, "error": {"message": "No list today."}}
    scene.sandbox.faults({"match": {"method": "GET", "path": scene.path}, "action": refusal})
    unfinished = scene.run(lines)
    scene.sandbox.faults()
    scene.sandbox.advance(DAY_S)
    last = scene.run(lines)

    assert (unfinished.code, last.code, last.summary) == (3, 0, "1 records: 1 unchanged"), unfinished.log
    assert len(scene.made) == 1
