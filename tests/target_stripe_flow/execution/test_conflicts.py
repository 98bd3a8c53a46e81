"""Two projects with one source_name and journals of their own: what one made is never taken for the other's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.location import Location
from tests.kills.target.rows import TYPES, WAYS, fields_of
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.actions.test_money import as_the_first_release_left_it
from tests.target_stripe_flow.builders import an_attempt
from tests.target_stripe_flow.sharing import query, run_cli

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
OTHER = {"metadata": {"project": "b"}}
# A record that names the record 1 of another action, and no other object.
REFERRING: dict[tuple[str, str], dict[str, Any]] = {
    ("charges", "customer"): {"amount": 4200, "currency": "usd", "customer": "1"},
    ("prices", "product"): {"currency": "usd", "unit_amount": 42, "product": "1"},
    ("refunds", "charge"): {"charge": "1", "amount": 42},
}


class Project:
    """A folder with a journal of its own."""

    def __init__(self, sandbox: Sandbox, folder: Path, way: str, journal_url: str | None = None) -> None:
        self.action, chosen = WAYS[way]
        self.folder, self.url = folder, journal_url or f"sqlite:///{folder / 'journal.db'}"
        rejects = str(folder / "stripe-flow-rejects.jsonl")
        self._config = a_config(sandbox.url, journal_url=self.url, rejects_path=rejects, **chosen)
        folder.mkdir()

    def send(self, *lines: Message, **settings: object) -> Ended:
        return run_target(self.folder, self._config | settings, lines)

    def send_one(self, record: Message, **settings: object) -> Ended:
        return self.send(a_schema(self.action), a_record(self.action, **record), **settings)

    def rows(self) -> list[tuple[Any, ...]]:
        return query(self.url, "SELECT state, stripe_id, fingerprint FROM attempts ORDER BY digest, attempt, revision")

    def rejects(self) -> list[dict[str, Any]]:
        lines = map(json.loads, (self.folder / "stripe-flow-rejects.jsonl").read_text().splitlines())
        return [each["stripe_flow"] for each in lines if each["type"] == "RECORD"]


def made(sandbox: Sandbox, action: str) -> list[dict[str, Any]]:
    return [each for each in sandbox.objects(TYPES[action]) if "stripe_flow" in each["metadata"]]


def a_conflict(sandbox: Sandbox, folder: Path, way: str, url: str | None = None) -> tuple[Project, Message, Ended]:
    """Project b after its first run, with its record: project a has sent another one under the same key."""
    one, other = Project(sandbox, folder / "a", way), Project(sandbox, folder / "b", way, url)
    record = {"id": 1} | fields_of(sandbox, one.action)
    assert one.send_one(record).code == 0
    return other, record | OTHER, other.send_one(record | OTHER)


@pytest.mark.promise(
    "target 2",
    "An object that another run made under the same idempotency key is parked, and never updated or referred to",
)
@EVERY_WAY
def test_what_another_run_made_is_parked_and_never_adopted(
    way: str, journal_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    project, record, first = a_conflict(sandbox, tmp_path, way, journal_url)
    assert project.rows()[0][:2] == ("conflict", None)

    runs = [project.send_one(record), project.send_one(record, on_change="update"), project.send()]

    [theirs] = made(sandbox, project.action)
    [(state, stripe_id, _)] = project.rows()
    assert (state, stripe_id) == ("parked", theirs["id"])
    assert "project" not in theirs["metadata"]
    assert [run.code for run in (first, *runs)] == [3] * 4
    assert all(run.summary.startswith("1 records: 1 rejected") for run in (first, *runs[:2]))
    assert all("source_name" in run.log for run in (first, *runs))
    [reject] = project.rejects()
    assert reject["status"] == "rejected"
    assert "source_name" in reject["reason"]


@pytest.mark.parametrize(("action", "field"), REFERRING)
def test_what_another_run_made_is_not_referred_to(action: str, field: str, sandbox: Sandbox, tmp_path: Path) -> None:
    referenced = ACTIONS[action].references[field]
    project, record, _ = a_conflict(sandbox, tmp_path, referenced)
    lines = [a_schema(referenced), a_record(referenced, **record)]
    lines += [a_schema(action), a_record(action, id="x", **REFERRING[action, field])]

    runs = [project.send(*lines) for _ in range(3)]

    assert [run.code for run in runs] == [3] * 3
    assert made(sandbox, action) == []
    assert {reject["status"] for reject in project.rejects()} == {"rejected"}
    assert {reject["field"] for reject in project.rejects()} == {None, field}


@pytest.mark.parametrize("action", [name for name, spec in ACTIONS.items() if spec.is_changeable])
def test_an_update_in_conflict_is_parked_too(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """A journal that was copied: both projects send the first update of one object."""
    one, other = Project(sandbox, tmp_path / "a", action), Project(sandbox, tmp_path / "b", action)
    one.send_one({"id": 1, "name": "first"})
    shutil.copy(one.folder / "journal.db", other.folder / "journal.db")
    one.send_one({"id": 1, "name": "of a"}, on_change="update")

    runs = [other.send_one({"id": 1, "name": "of b"}, on_change="update") for _ in range(3)]

    assert [run.code for run in runs] == [3] * 3
    assert all(run.summary.startswith("1 records: 1 rejected") for run in runs)
    assert [each["name"] for each in made(sandbox, action)] == ["of a"]
    assert [row[0] for row in other.rows()] == ["created", "parked"]


def test_what_an_earlier_release_adopted_is_parked(location: Location) -> None:
    adopted = {"state": State.CREATED, "stripe_id": "cus_1", "fingerprint": "", "code": "idempotency_error"}
    rows = {
        "parked": an_attempt("adopted", **adopted),
        "created": an_attempt("settled", **adopted | {"reason": "settled by a person"}),
        "conflict": an_attempt("open", **adopted | {"state": State.CONFLICT, "stripe_id": None}),
    }
    with location.open_journal() as journal:
        for row in [*rows.values(), an_attempt("ours", state=State.CREATED, fingerprint="", stripe_id="cus_2")]:
            journal.open_attempt(row)
    as_the_first_release_left_it(location)

    with location.open_journal() as journal:
        states = {name: journal.attempts_of(row.digest)[0].state for name, row in rows.items()}
        [parked] = journal.attempts_of(rows["parked"].digest)

    assert states == {name: State(name) for name in rows}
    assert (parked.is_conflict, parked.stripe_id) == (True, "cus_1")


@EVERY_WAY
def test_a_person_may_take_the_object_of_another_run(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    project, record, _ = a_conflict(sandbox, tmp_path, way)
    project.send_one(record)
    [theirs] = made(sandbox, project.action)
    key = f"{project.action}:1"

    shown, retried = run_cli(project.folder, "show", key), run_cli(project.folder, "retry", key)
    settled = run_cli(project.folder, "settle", key, "--as", "created", theirs["id"])
    after = project.send_one(record)
    changed = project.send_one(record | {"metadata": {"project": "c"}})

    assert theirs["id"] in shown.output
    assert "another run made this object" in shown.output
    assert (retried.code, "source_name" in retried.log) == (1, True)
    assert settled.code == 0
    assert (after.code, after.summary) == (0, "1 records: 1 unchanged")
    assert changed.summary.startswith("1 records: 1 rejected")
    assert len(made(sandbox, project.action)) == 1


@EVERY_WAY
def test_a_person_may_order_an_object_beside_that_of_another_run(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    project, record, _ = a_conflict(sandbox, tmp_path, way)
    project.send_one(record)

    settled = run_cli(project.folder, "settle", f"{project.action}:1", "--as", "not-created")
    after, again = project.send_one(record), project.send_one(record)

    assert settled.code == 0
    assert (after.code, after.summary, again.summary) == (0, "1 records: 1 created", "1 records: 1 unchanged")
    assert [each["metadata"].get("project") for each in made(sandbox, project.action)] in (["b", None], [None, "b"])
