"""Runs of a Meltano job for one account, slice or part, each with its own state and system folder.

Imports neither Airflow nor the plugins: workers have Meltano, and Meltano has the plugins.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

TAP, TARGET = "tap-stripe-flow", "target-stripe-flow"
PARTS = "STRIPE_FLOW_PARTS"
# Reading meltano.yml through Meltano takes two seconds, and Airflow parses a DAG file twice a minute.
ASK_S = 60
PLAN_S = 3600


@dataclass(frozen=True, kw_only=True)
class Project:
    """The Meltano project, its environment and accounts, and how many of its runs may call Stripe at once."""

    root: Path
    meltano: str
    environment: str
    accounts: Sequence[str]
    groups: int
    workers: int

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Project:
        """The project that these variables describe.

        MELTANO_PROJECT_ROOT is required; MELTANO_BIN and MELTANO_ENVIRONMENT default to `meltano` and `prod`.
        STRIPE_FLOW_ACCOUNTS: the connected accounts, separated by commas. STRIPE_FLOW_GROUPS: the number of runs in
        which a tick reads them. STRIPE_FLOW_WORKERS: the size of the pool.
        """
        named = env.get("STRIPE_FLOW_ACCOUNTS", "").split(",")
        return cls(
            root=Path(env["MELTANO_PROJECT_ROOT"]).absolute(),
            meltano=env.get("MELTANO_BIN", "meltano"),
            environment=env.get("MELTANO_ENVIRONMENT", "prod"),
            accounts=[name.strip() for name in named if name.strip()],
            groups=int(env.get("STRIPE_FLOW_GROUPS", "0")),
            workers=int(env.get("STRIPE_FLOW_WORKERS", "4")),
        )


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
        """The parts that may run at once, from STRIPE_FLOW_PARTS: name → environment."""
        return dict(json.loads(self.env.get(PARTS, "{}")))


def _is_plugin(plugin: str, name: str) -> bool:
    return name == plugin or name.startswith(f"{plugin}--")


def schedules(project: Project) -> list[Schedule]:
    """The schedules of jobs in `meltano schedule list`, cached until meltano.yml or an included file changes."""
    kept = project.root / ".meltano" / f"schedules-{_stamp(project.root)}.json"
    if not kept.exists():
        listed = _output_of(project, "schedule", "list", "--format=json", timeout_s=ASK_S)
        fresh = kept.with_suffix(f".{os.getpid()}")
        kept.parent.mkdir(exist_ok=True)
        fresh.write_text(listed, encoding="utf-8")
        fresh.replace(kept)
    return [_schedule(each) for each in json.loads(kept.read_text(encoding="utf-8"))["schedules"]["job"]]


def _stamp(root: Path) -> str:
    whole = root / "meltano.yml"
    patterns = yaml.safe_load(whole.read_text(encoding="utf-8")).get("include_paths") or ()
    included = sorted(path for pattern in patterns for path in root.glob(pattern))
    stamps = [(str(path), path.stat().st_mtime_ns) for path in (whole, *included)]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]


def _schedule(listed: Mapping[str, Any]) -> Schedule:  # Any: JSON
    blocks = [task.split() if isinstance(task, str) else list(task) for task in listed["job"]["tasks"]]
    return Schedule(
        name=listed["name"],
        cron=listed["cron_interval"] or None,
        job=listed["job"]["name"],
        plugins=list(dict.fromkeys(name for block in blocks for name in block)),
        env=listed.get("env") or {},
    )


def ticks(project: Project, schedule: Schedule) -> list[dict[str, Any]]:
    """The runs of a tick: one for each part, or for each group of accounts that the schedule reads, or a single one.

    A tick reads at one slot's share of its account's requests per second, because slices of a backfill may run at the
    same time. Parts share the requests per second of the account that they write into.
    """
    share = _settings(schedule.taps, runs_at_once=project.workers)
    if schedule.parts:
        share |= _settings(schedule.targets, runs_at_once=min(project.workers, len(schedule.parts)))
        return [_order(name, share | dict(env)) for name, env in schedule.parts.items()]
    if not schedule.taps or not project.accounts:
        return [{"name": "tick", "suffix": None, "env": share}]
    return [_order(name, share | _settings(schedule.taps, account_ids=ids)) for name, ids in _groups(project)]


def _groups(project: Project) -> list[tuple[str, list[str]]]:
    """(name, accounts) of each run of a tick; the name is part of its state id.

    An account's group depends on its id alone, so adding or removing an account keeps the groups of the others.
    """
    named: dict[str, list[str]] = {}
    for account in project.accounts:
        group = f"group-{zlib.crc32(account.encode()) % project.groups}" if project.groups else account
        named.setdefault(group, []).append(account)
    return sorted(named.items())


def slices(project: Project, schedule: Schedule, *, start: str, end: str, per_worker: int) -> list[dict[str, Any]]:
    """One run for each slice of a backfill; the tap plans slices of about equal work."""
    settings: dict[str, object] = {"start_date": start}
    if end:
        settings["end_date"] = end
    if project.accounts:
        settings["account_ids"] = list(project.accounts)
    env = _settings(schedule.taps, **settings)
    options = ("--workers", str(project.workers), "--slices-per-worker", str(per_worker))
    listed = _output_of(project, "invoke", f"{schedule.taps[0]}:slices", *options, env=env, timeout_s=PLAN_S)
    return [_slice(schedule, order) for order in json.loads(listed)]


def _slice(schedule: Schedule, planned: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: planned[name] for name in ("start_date", "end_date", "runs_at_once")}
    account = planned["account"]
    settings |= {"account_ids": [account]} if account else {}
    # Only characters that are allowed in a state id and in a folder's name.
    name = "-".join(filter(None, [account, *(planned[at].translate(_BARE) for at in ("start_date", "end_date"))]))
    return _order(name, _settings(schedule.taps, **settings))


_BARE = str.maketrans("", "", "-:")


def _order(name: str, env: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "suffix": name, "env": dict(env)}


def _settings(plugins: Sequence[str], **values: object) -> dict[str, str]:
    """The environment variables of these settings, for each of the plugins."""
    prefixes = [name.upper().replace("-", "_") for name in plugins]
    return {
        f"{prefix}_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for prefix in prefixes
        for name, value in values.items()
    }


def run(project: Project, schedule: Schedule, order: Mapping[str, Any], *, again: bool = False) -> None:
    """Run the job to its end. Meltano ends with this process at the latest. Raises RuntimeError if the job fails.

    The log goes to standard output, because Airflow takes standard error for errors. `again`: an earlier try is known
    to be dead; without `--force` Meltano would wait five minutes for it.
    """
    options = ["--state-id-suffix", order["suffix"]] if order["suffix"] else []
    options += ["--force"] if again else []
    line = [*_meltano(project), "--log-format", "json", "run", "--no-install", *options, schedule.job]
    with _system_folder(project, f"{schedule.name}-{order['name']}") as folder_env:
        env = {**os.environ, **schedule.env, **order["env"], **folder_env}
        done = subprocess.run(
            line,
            cwd=project.root,
            env=env,
            # By number, because Airflow has closed Python's own stdout.
            stderr=1,
            check=False,
            preexec_fn=_die_with_parent(),
        )
    if done.returncode:
        raise RuntimeError(
            f"`meltano run {schedule.job}` of {order['name']} ended with code {done.returncode}: see its log above"
        )


def _die_with_parent() -> Callable[[], object] | None:
    """A function for the child process that makes Linux kill Meltano when its worker dies, before the next try starts.

    The plugins end with Meltano: the tap can no longer write, and the target reaches the end of its input.
    """
    if sys.platform != "linux":
        return None
    pr_set_pdeathsig = 1
    return partial(ctypes.CDLL(None).prctl, pr_set_pdeathsig, signal.SIGKILL)


@contextmanager
def _system_folder(project: Project, name: str) -> Iterator[dict[str, str]]:
    """The environment of a separate Meltano system folder, with the project's plugins and state.

    Meltano keeps a plugin's run files under fixed names in that folder, so two runs at once would overwrite them.
    """
    whole = project.root / ".meltano"
    (whole / "runs").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=whole / "runs") as own:
        for kind in ("extractors", "loaders", "utilities"):
            (Path(own) / kind).symlink_to(whole / kind)
        database = os.environ.get("MELTANO_DATABASE_URI", f"sqlite:///{whole}/meltano.db")
        yield {"MELTANO_SYS_DIR_ROOT": own, "MELTANO_DATABASE_URI": database}


def _meltano(project: Project) -> list[str]:
    return [project.meltano, "--environment", project.environment]


def _output_of(project: Project, *options: str, timeout_s: float, env: Mapping[str, str] | None = None) -> str:
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
