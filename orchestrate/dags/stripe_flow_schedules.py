"""The schedules of a Meltano project, read from its files. One that is wrong never takes the others away.

Meltano itself lists no schedule at all if one of them is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TAP, TARGET = "tap-stripe-flow", "target-stripe-flow"
PARTS = "STRIPE_FLOW_PARTS"
# Meltano's words for an interval. Airflow judges all others.
INTERVALS: Mapping[str, str | None] = {
    **dict.fromkeys(("@once", "@manual", "@none")),
    **dict.fromkeys(("@daily", "@midnight"), "0 0 * * *"),
    **dict.fromkeys(("@yearly", "@annually"), "0 0 1 1 *"),
    "@hourly": "0 * * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
MEMBERS = {"name", "interval", "job", "env", "start_date", "annotations"}
# A part's name becomes part of a state id and of a folder's name.
PART_NAME = re.compile(r"[A-Za-z0-9_.-]+")

Yaml = Any  # Any: what a file of YAML or JSON holds


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule of meltano.yml: its job, interval and environment."""

    name: str
    cron: str | None
    job: str
    plugins: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def taps(self) -> list[str]:
        """The job's plugins that are tap-stripe-flow or inherit from it."""
        return [name for name in self.plugins if _is_plugin(TAP, name)]

    @property
    def targets(self) -> list[str]:
        """The job's plugins that are target-stripe-flow or inherit from it."""
        return [name for name in self.plugins if _is_plugin(TARGET, name)]

    @property
    def parts(self) -> Mapping[str, Mapping[str, str]]:
        """The parts that may run at once, from STRIPE_FLOW_PARTS: name → environment. Raises ValueError."""
        return _parts(self.env.get(PARTS, "{}"))


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The schedules that can have a DAG; a sentence about each of the others; and what a person should know."""

    schedules: Sequence[Schedule]
    faults: Sequence[str]
    notes: Sequence[str]


def listed(root: Path) -> Listed:
    """The schedules of meltano.yml and of the files that it includes. Raises ValueError if a file cannot be read."""
    files = _files(root)
    tasks = _tasks(files)
    known = {*tasks, *_plugin_names(files)}
    good: dict[str, Schedule] = {}
    faults, notes = [], []
    for number, entry in enumerate(_entries(files, "schedules"), 1):
        name = _text(entry, "name")
        label = f"schedule {name}" if name else f"schedule no. {number}"
        try:
            _must(name, "it has no name, and Meltano runs nothing until it has one")
            _must(name not in good, "this name is taken by an earlier schedule, which keeps it: rename one")
            good[name] = _schedule(entry, tasks)
        except (ValueError, RecursionError) as error:
            faults.append(f"{label}: {error}")
        else:
            if unknown := sorted(set(map(str, entry)) - MEMBERS):
                notes.append(f"{label}: neither Meltano nor its DAG reads its {', '.join(unknown)}")
            if missing := sorted({each.partition(":")[0] for each in good[name].plugins} - known):
                notes.append(f"{label}: meltano.yml has no plugin {', '.join(missing)}, and Meltano refuses to run it")
    return Listed(schedules=list(good.values()), faults=faults, notes=notes)


def _schedule(entry: Mapping[str, Yaml], tasks: Mapping[str, Yaml]) -> Schedule:
    job, interval = _text(entry, "job"), _text(entry, "interval")
    _must(job, "it has no job, and only jobs have DAGs: put its extractor and its loader into a job")
    _must(job in tasks, f"meltano.yml has no job {job}")
    _must("interval" in entry, "it has no interval, and Meltano runs nothing until it has one")
    _must(interval or not entry["interval"], "its interval is no text: write five fields of cron in quotes")
    env = _environment(entry.get("env") or {}, "its env")
    _parts(env.get(PARTS, "{}"))
    return Schedule(
        name=entry["name"],
        cron=INTERVALS.get(interval, interval or None),
        job=job,
        plugins=list(dict.fromkeys(_plugins(tasks[job], job))),
        env=env,
    )


def _plugins(tasks: Yaml, job: str) -> Iterator[str]:
    _must(isinstance(tasks, list) and tasks, f"the tasks of job {job} are no list of texts, like [{TAP} target-jsonl]")
    for task in tasks:
        yield from task.split() if isinstance(task, str) else _plugins(task, job)


def _is_plugin(plugin: str, name: str) -> bool:
    return name == plugin or name.startswith(f"{plugin}--")


def _parts(text: str) -> dict[str, dict[str, str]]:
    try:
        named = json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise ValueError(f"{PARTS} in its env cannot be read as JSON: {error}") from None
    _must(isinstance(named, dict), f"{PARTS} in its env is no object of name → environment")
    for name in named:
        _must(PART_NAME.fullmatch(name), f"the name of part {name!r} has other characters than A-Z a-z 0-9 _ . -")
    return {name: _environment(_as_settings(env), f"part {name}") for name, env in named.items()}


def _once(pairs: Sequence[tuple[str, Yaml]]) -> dict[str, Yaml]:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    _must(not twice, f"{', '.join(twice)} stands there twice")
    return dict(pairs)


def _as_settings(env: Yaml) -> Yaml:
    """Numbers, lists and objects become the JSON text that a setting takes; null stays."""
    if not isinstance(env, dict):
        return env
    return {name: each if each is None or isinstance(each, str) else json.dumps(each) for name, each in env.items()}


def _environment(env: Yaml, what: str) -> dict[str, str]:
    """Variables for a process. A fault names the variable and never shows its value, which may be a secret."""
    _must(isinstance(env, dict), f"{what} is no mapping of variable → text")
    for name, value in env.items():
        _must(
            name and isinstance(name, str) and not {*name} & {"=", "\0"}, f"{what} has a variable without a good name"
        )
        _must(isinstance(value, str), f"{name} in {what} is no text: put its value in quotes")
        _must("\0" not in value, f"{name} in {what} has a NUL character")
    return dict(env)


class _AsText(yaml.SafeLoader):
    """Reads values as they are written: `012` and `yes` in an environment are texts, as they are for Meltano."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as PyYAML has it
        first: [each for each in resolvers if each[0] in {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


# A value with a tag of its own is none of ours.
_AsText.add_constructor(None, lambda _loader, _node: None)


def _files(root: Path) -> list[Mapping[str, Yaml]]:
    whole = root / "meltano.yml"
    first = _read(whole)
    patterns = first.get("include_paths") or []
    is_list = isinstance(patterns, list) and all(isinstance(each, str) for each in patterns)
    _must(is_list, f"include_paths of {whole} is no list of texts: begin each line with -")
    included = dict.fromkeys(path for pattern in patterns for path in _matching(root, pattern) if path != whole)
    return [first, *map(_read, included)]


def _matching(root: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in root.glob(pattern) if path.is_file())
    except (IndexError, NotImplementedError, ValueError):  # an empty or absolute pattern, or `.`
        raise ValueError(
            f"include_paths of {root / 'meltano.yml'} has the pattern {pattern!r}: write paths inside of the project"
        ) from None


def _read(path: Path) -> Mapping[str, Yaml]:
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_AsText)  # noqa: S506 -- it resolves less than safe
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8, from byte {error.start} on: save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    except yaml.YAMLError as error:
        at = getattr(error, "problem_mark", None)
        raise ValueError(f"{path} is no YAML{f': see line {at.line + 1}' if at else ''}") from None
    _must(found is None or isinstance(found, dict), f"{path} is no mapping")
    return found or {}


def _entries(files: Sequence[Mapping[str, Yaml]], kind: str) -> list[Yaml]:
    found = [each.get(kind) or [] for each in files]
    _must(all(isinstance(each, list) for each in found), f"{kind} of meltano.yml is no list: begin each entry with -")
    return [entry for each in found for entry in each]


def _tasks(files: Sequence[Mapping[str, Yaml]]) -> dict[str, Yaml]:
    """The tasks of each job; Meltano takes the first job of a name."""
    named: dict[str, Yaml] = {}
    for job in _entries(files, "jobs"):
        if isinstance(job, dict) and isinstance(job.get("name"), str):
            named.setdefault(job["name"], job.get("tasks"))
    return named


def _plugin_names(files: Sequence[Mapping[str, Yaml]]) -> Iterator[str]:
    """The names that a job can name: those of plugins, and of the mappings of mappers."""
    kinds = [kind for each in files if isinstance(each.get("plugins"), dict) for kind in each["plugins"].values()]
    for plugin in (plugin for kind in kinds if isinstance(kind, list) for plugin in kind if isinstance(plugin, dict)):
        mappings = plugin.get("mappings")
        for named in [plugin, *(mappings if isinstance(mappings, list) else [])]:
            if isinstance(named, dict) and isinstance(named.get("name"), str):
                yield named["name"]


def _text(entry: Yaml, member: str) -> str:
    """The member's text; empty if it has none."""
    found = entry.get(member) if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""


def _must(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
