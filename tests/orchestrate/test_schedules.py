"""The schedules of a project: one that is wrong is named, and the others are there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from stripe_flow_schedules import listed

from tests.end_to_end.conftest import BIN
from tests.support.plugins import ROOT, clean_env

PROJECT = """\
project_id: schedules
send_anonymous_usage_stats: false
default_environment: dev
environments: [{name: dev}]
plugins:
  extractors: [{name: tap-stripe-flow, namespace: tap_stripe_flow, executable: tap-stripe-flow}]
  mappers: [{name: mask, namespace: mask, executable: mask, mappings: [{name: no-names, config: {}}]}]
  loaders: [{name: target-jsonl, namespace: target_jsonl, executable: target-jsonl}]
"""
JOBS = [
    {"name": "ours", "tasks": ["tap-stripe-flow no-names target-jsonl"]},
    {"name": "text", "tasks": "tap-stripe-flow target-jsonl"},
    {"name": "empty", "tasks": []},
    {"name": "none"},
    {"name": "numbers", "tasks": [["tap-stripe-flow target-jsonl"], {"a": 1}]},
    {"name": "nested", "tasks": [["tap-stripe-flow", "target-jsonl"]]},
    {"name": "lost", "tasks": ["tap-stripe-flow target-nowhere"]},
    "no mapping",
    {"tasks": ["tap-stripe-flow target-jsonl"]},
]
SECRET = "sk_test_secretsecret"
GOOD = {"name": "good", "interval": "@daily", "job": "ours", "env": {"TAP_STRIPE_FLOW_API_KEY": SECRET}}
LAST = {"name": "last", "interval": "*/5 * * * *", "job": "nested"}


def odd(**members: object) -> dict[str, object]:
    return {"name": "odd", "interval": "@daily", "job": "ours"} | members


def parted(parts: object) -> dict[str, object]:
    return odd(env={"KEY": SECRET, "STRIPE_FLOW_PARTS": parts if isinstance(parts, str) else json.dumps(parts)})


# What is wrong → (the schedule, what the sentence about it says).
WRONG: dict[str, tuple[Any, str]] = {  # Any: YAML
    "no name": ({"interval": "@daily", "job": "ours"}, "no name"),
    "a name that is null": (odd(name=None), "no name"),
    "a name that is empty": (odd(name=""), "no name"),
    "a name that is a list": (odd(name=["odd"]), "no name"),
    "a name that is taken": (GOOD | {"interval": "@weekly"}, "taken"),
    "no job": ({"name": "odd", "interval": "@daily"}, "no job"),
    "an extractor": (
        {"name": "odd", "interval": "@daily", "extractor": "a", "loader": "b", "transform": "skip"},
        "job",
    ),
    "a job that is a list": (odd(job=["ours"]), "no job"),
    "an unknown job": (odd(job="nowhere"), "no job nowhere"),
    "a job without tasks": (odd(job="none"), "tasks"),
    "a job of no tasks": (odd(job="empty"), "tasks"),
    "a job of text": (odd(job="text"), "tasks"),
    "a job of mappings": (odd(job="numbers"), "tasks"),
    "no interval": ({"name": "odd", "job": "ours"}, "no interval"),
    "an interval that is a list": (odd(interval=["@daily"]), "interval"),
    "an environment that is a list": (odd(env=["KEY", SECRET]), "env"),
    "an environment that is text": (odd(env=SECRET), "env"),
    "a variable that is null": (odd(env={"KEY": None}), "KEY"),
    "a variable that is a list": (odd(env={"KEY": [SECRET]}), "KEY"),
    "a variable that is a mapping": (odd(env={"KEY": {"key": SECRET}}), "KEY"),
    "a variable with a NUL": (odd(env={"KEY": f"{SECRET}\0"}), "KEY"),
    "a variable without a name": (odd(env={"": SECRET}), "variable"),
    "a variable with an equals sign": (odd(env={"A=B": SECRET}), "variable"),
    "parts that are cut": (parted('{"north": '), "STRIPE_FLOW_PARTS"),
    "parts that are a list": (parted([{"north": {}}]), "STRIPE_FLOW_PARTS"),
    "parts that are null": (parted("null"), "STRIPE_FLOW_PARTS"),
    "a part that is text": (parted({"north": SECRET}), "north"),
    "a part with a variable that is null": (parted({"north": {"KEY": None}}), "KEY"),
    "a part without a name": (parted({"": {}}), "part"),
    "a part with a name of a path": (parted({"a/b": {}}), "a/b"),
    "a part twice": (parted('{"north": {"A": "1"}, "north": {"A": "2"}}'), "north"),
    "text": ("ours", "no. "),
    "null": (None, "no. "),
    "a list": (["odd", "@daily", "ours"], "no. "),
}


def a_project(root: Path, schedules: object, **more: object) -> Path:
    entries = {"jobs": JOBS, "schedules": schedules} | more
    (root / "meltano.yml").write_text(PROJECT + yaml.safe_dump(entries, allow_unicode=True), encoding="utf-8")
    return root


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_schedule_is_named_and_the_others_are_there(what: str, at: int, tmp_path: Path) -> None:
    wrong, said = WRONG[what]
    # Of two schedules with one name the first stays.
    entries: list[object] = [GOOD, LAST]
    entries.insert(max(at, 1) if "taken" in what else at, wrong)

    found = listed(a_project(tmp_path, entries))

    assert [each.name for each in found.schedules] == ["good", "last"]
    assert [each.cron for each in found.schedules] == ["0 0 * * *", "*/5 * * * *"]
    assert [each.taps for each in found.schedules] == [["tap-stripe-flow"]] * 2
    [fault] = found.faults
    assert said in fault
    name = wrong.get("name") if isinstance(wrong, dict) else None
    assert fault.startswith(f"schedule {name}:" if name and isinstance(name, str) else "schedule no. ")
    assert SECRET not in fault


def test_a_tag_or_an_alias_of_itself_takes_no_schedule_away(tmp_path: Path) -> None:
    odd_ones = "- {name: odd, interval: '@daily', job: round}\n"
    tagged = "- {name: key, interval: '@daily', job: ours, env: {A: !x 1}}\n"
    good = "- {name: good, interval: '@daily', job: ours}\n"
    jobs = "jobs: [{name: ours, tasks: [tap-stripe-flow target-jsonl]}, {name: round, tasks: &round [*round]}]\n"
    (tmp_path / "meltano.yml").write_text(f"{PROJECT}{jobs}schedules:\n{odd_ones}{tagged}{good}")

    found = listed(tmp_path)

    assert [each.name for each in found.schedules] == ["good"]
    assert [fault.partition(":")[0] for fault in found.faults] == ["schedule odd", "schedule key"]


def test_an_unknown_member_and_a_missing_plugin_are_noted_and_the_schedule_stays(tmp_path: Path) -> None:
    found = listed(a_project(tmp_path, [odd(intervall="@daily"), LAST | {"job": "lost"}]))

    assert [each.name for each in found.schedules] == ["odd", "last"]
    assert not found.faults
    assert "odd" in found.notes[0]
    assert "intervall" in found.notes[0]
    assert "last" in found.notes[1]
    assert "target-nowhere" in found.notes[1]


def test_the_log_names_what_has_no_dag(runs: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    project = runs.Project.from_env({"MELTANO_PROJECT_ROOT": str(a_project(tmp_path, [odd(job="nowhere"), GOOD]))})

    assert [each.name for each in runs.schedules(project)] == ["good"]
    assert "schedule odd: meltano.yml has no job nowhere" in caplog.text


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.none(), inner, max_size=3),
    max_leaves=6,
)
ENTRY = ANYTHING | st.fixed_dictionaries(
    {},
    optional={
        "name": ANYTHING | st.just("odd"),
        "interval": ANYTHING | st.just("@daily"),
        "job": ANYTHING | st.sampled_from(["ours", "text", "none"]),
        "env": ANYTHING | st.dictionaries(st.just("STRIPE_FLOW_PARTS"), ANYTHING.map(json.dumps) | ANYTHING),
    },
)


@pytest.mark.promise("meltano", "A wrong Airflow schedule is named, and the others are still loaded")
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(before=st.lists(ENTRY, max_size=2), after=st.lists(ENTRY, max_size=2), jobs=ANYTHING)
def test_whatever_stands_beside_it_a_good_schedule_is_there(
    before: list[object], after: list[object], jobs: object, tmp_path: Path
) -> None:
    root = a_project(tmp_path, [*before, GOOD, *after], jobs=[jobs, *JOBS])

    found = listed(root)

    named = [each.name for each in found.schedules]
    assert "good" in named
    assert len(named) == len(set(named))
    assert len(named) + len(found.faults) == len(before) + len(after) + 1
    for each in found.schedules:
        assert all(isinstance(value, str) for part in [each.env, *each.parts.values()] for value in part.values())


@pytest.mark.parametrize(
    "text",
    [
        "schedules: {a: b}",
        "jobs: text\nschedules: []",
        "include_paths: text",
        "include_paths: [[]]",
        "include_paths: ['']",
        "include_paths: ['.', /schedules.yml]",
        "[]",
        "a: [",
        "a: " + 2000 * "[",
        "a: \x07",
        "a: \xe9",
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "meltano.yml").write_text(text, encoding="latin-1")

    with pytest.raises(ValueError, match=r"meltano\.yml") as raised:
        listed(tmp_path)

    assert "\n" not in str(raised.value)


WORDS = "once manual none hourly daily weekly monthly yearly annually midnight"
MORE = "".join(f"- {{name: {word}, interval: '@{word}', job: rows-to-stripe}}\n" for word in WORDS.split())
TEXTS = "- {name: t, interval: null, job: rows-to-stripe, env: {A: '012', B: yes, C: 'on', D: 1:30, E: ''}}\n"


def test_meltano_lists_the_same_schedules(tmp_path: Path) -> None:
    """Names, intervals, jobs, tasks and environments, of the file and of those that it includes."""
    included = ROOT / "orchestrate" / "postgres.meltano.yml"
    (tmp_path / included.name).write_text(included.read_text())
    whole = (ROOT / "meltano.yml").read_text() + MORE + TEXTS
    (tmp_path / "meltano.yml").write_text(f"include_paths: ['./*.meltano.yml', './meltano.yml']\n{whole}")
    line = [str(BIN / "meltano"), "schedule", "list", "--format=json"]
    done = subprocess.run(line, cwd=tmp_path, env=clean_env(), capture_output=True, text=True, check=True, timeout=60)
    of_meltano = json.loads(done.stdout)["schedules"]["job"]

    found = listed(tmp_path)

    assert not found.faults
    assert not found.notes
    assert [(each.name, each.cron, each.job, each.env) for each in found.schedules] == [
        (each["name"], each["cron_interval"], each["job"]["name"], each["env"]) for each in of_meltano
    ]
    assert [list(each.plugins) for each in found.schedules] == [
        list(dict.fromkeys(" ".join(each["job"]["tasks"]).split())) for each in of_meltano
    ]
