"""What a worker does for one account or one slice: a run of a Meltano job with a state and a folder of its own.

Knows nothing of Airflow, and nothing of ours is imported: workers have Meltano, and Meltano has the plugins.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXTRACTOR = "tap-stripe-flow"
# Asking Meltano for what stands in meltano.yml takes two seconds, and Airflow reads a DAG file every half a minute.
ASK_S = 60
PLAN_S = 3600


@dataclass(frozen=True, kw_only=True)
class Project:
    """Where Meltano is, and what it is told."""

    root: Path
    meltano: str
    environment: str
    accounts: Sequence[str]

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Project:
        """MELTANO_PROJECT_ROOT, and where they differ MELTANO_BIN and MELTANO_ENVIRONMENT; STRIPE_FLOW_ACCOUNTS are the
        connected accounts, with commas between them.
        """
        named = env.get("STRIPE_FLOW_ACCOUNTS", "").split(",")
        return cls(
            root=Path(env["MELTANO_PROJECT_ROOT"]).absolute(),
            meltano=env.get("MELTANO_BIN", "meltano"),
            environment=env.get("MELTANO_ENVIRONMENT", "prod"),
            accounts=[name.strip() for name in named if name.strip()],
        )


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One of meltano.yml: a job, when it runs, and the environment that it is given."""

    name: str
    cron: str | None
    job: str
    extractors: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def taps(self) -> list[str]:
        """Those of its extractors that are this tap, or connections of it."""
        return [name for name in self.extractors if name == EXTRACTOR or name.startswith(f"{EXTRACTOR}--")]


def schedules(project: Project) -> list[Schedule]:
    """As `meltano schedule list` tells them; kept until meltano.yml changes."""
    stamp = (project.root / "meltano.yml").stat().st_mtime_ns
    kept = project.root / ".meltano" / f"schedules-{stamp}.json"
    if not kept.exists():
        told = _asked(project, "schedule", "list", "--format=json", timeout_s=ASK_S)
        fresh = kept.with_suffix(f".{os.getpid()}")
        kept.parent.mkdir(exist_ok=True)
        fresh.write_text(told, encoding="utf-8")
        fresh.replace(kept)
    return [_schedule(each) for each in json.loads(kept.read_text(encoding="utf-8"))["schedules"]["job"]]


def _schedule(told: Mapping[str, Any]) -> Schedule:  # Any: JSON
    blocks = [task.split() if isinstance(task, str) else list(task) for task in told["job"]["tasks"]]
    return Schedule(
        name=told["name"],
        cron=told["cron_interval"] or None,
        job=told["job"]["name"],
        extractors=list(dict.fromkeys(name for block in blocks for name in block[:1])),
        env=told.get("env") or {},
    )


def ticks(project: Project, schedule: Schedule) -> list[dict[str, Any]]:
    """One run an account; without accounts, or without this tap in the job, one."""
    if not schedule.taps or not project.accounts:
        return [{"name": "tick", "suffix": None, "env": {}}]
    return [
        {"name": account, "suffix": account, "env": _settings(schedule, account_ids=[account])}
        for account in project.accounts
    ]


def slices(project: Project, schedule: Schedule, *, start: str, end: str, workers: int) -> list[dict[str, Any]]:
    """One run a slice, of about as much work each; planned by the tap itself."""
    asked: dict[str, object] = {"start_date": start}
    if end:
        asked["end_date"] = end
    if project.accounts:
        asked["account_ids"] = list(project.accounts)
    env = _settings(schedule, **asked)
    options = (f"{schedule.taps[0]}:slices", "--workers", str(workers))
    told = _asked(project, "invoke", *options, env=env, timeout_s=PLAN_S)
    return [_slice(schedule, order) for order in json.loads(told)]


def _slice(schedule: Schedule, order: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in order.items() if name not in {"account", "objects"}}
    account = order["account"]
    given |= {"account_ids": [account]} if account else {}
    # Of letters that a state's id and a folder's name may have.
    name = "-".join(filter(None, [account, *(order[at].translate(_BARE) for at in ("start_date", "end_date"))]))
    return {"name": name, "suffix": name, "env": _settings(schedule, **given)}


_BARE = str.maketrans("", "", "-:")


def _settings(schedule: Schedule, **values: object) -> dict[str, str]:
    """In the environment, for each connection in the job."""
    prefixes = [tap.upper().replace("-", "_") for tap in schedule.taps]
    return {
        f"{prefix}_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for prefix in prefixes
        for name, value in values.items()
    }


def run(project: Project, schedule: Schedule, order: Mapping[str, Any]) -> None:
    """The job, to its end. Raises RuntimeError where it fails; its log goes to standard error."""
    suffix = ["--state-id-suffix", order["suffix"]] if order["suffix"] else []
    line = [*_meltano(project), "--log-format", "json", "run", "--no-install", *suffix, schedule.job]
    env = {**schedule.env, **order["env"], **_place(project, f"{schedule.name}-{order['name']}")}
    done = subprocess.run(line, cwd=project.root, env={**os.environ, **env}, check=False)
    if done.returncode:
        raise RuntimeError(
            f"meltano run {schedule.job} of {order['name']} ended with {done.returncode}: see its log above"
        )


def _place(project: Project, name: str) -> dict[str, str]:
    """A system folder of its own. Meltano keeps a plugin's files of a run under one name in that folder, so two runs of
    a plugin at once would overwrite each other's. The plugins and the state are those of the project.
    """
    whole, own = project.root / ".meltano", project.root / ".meltano" / "runs" / name
    own.mkdir(parents=True, exist_ok=True)
    for kind in ("extractors", "loaders", "utilities"):
        if not (own / kind).is_symlink():
            (own / kind).symlink_to(whole / kind)
    database = os.environ.get("MELTANO_DATABASE_URI", f"sqlite:///{whole}/meltano.db")
    return {"MELTANO_SYS_DIR_ROOT": str(own), "MELTANO_DATABASE_URI": database}


def _meltano(project: Project) -> list[str]:
    return [project.meltano, "--environment", project.environment]


def _asked(project: Project, *options: str, timeout_s: float, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [*_meltano(project), *options],
        cwd=project.root,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
        timeout=timeout_s,
        check=True,
    )
    return done.stdout
