"""What a worker does for one account, slice or part: a run of a Meltano job with a state and a folder of its own.

Knows nothing of Airflow, and nothing of ours is imported: workers have Meltano, and Meltano has the plugins.
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
# Asking Meltano for what stands in meltano.yml takes two seconds, and Airflow reads a DAG file every half a minute.
ASK_S = 60
PLAN_S = 3600


@dataclass(frozen=True, kw_only=True)
class Project:
    """Where Meltano is, what it is told, and how many of its runs may speak to Stripe at the same time."""

    root: Path
    meltano: str
    environment: str
    accounts: Sequence[str]
    groups: int
    workers: int

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Project:
        """MELTANO_PROJECT_ROOT, and where they differ MELTANO_BIN and MELTANO_ENVIRONMENT; STRIPE_FLOW_ACCOUNTS are the
        connected accounts, with commas between them, STRIPE_FLOW_GROUPS in how many runs a tick reads them;
        STRIPE_FLOW_WORKERS is the size of the pool.
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
    """One of meltano.yml: a job, when it runs, and the environment that it is given."""

    name: str
    cron: str | None
    job: str
    plugins: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def taps(self) -> list[str]:
        """Those of its plugins that are this tap, or connections of it."""
        return [name for name in self.plugins if _is_of(TAP, name)]

    @property
    def targets(self) -> list[str]:
        return [name for name in self.plugins if _is_of(TARGET, name)]

    @property
    def parts(self) -> Mapping[str, Mapping[str, str]]:
        """What the schedule itself says may run at once: an environment for each, by name."""
        return dict(json.loads(self.env.get(PARTS, "{}")))


def _is_of(plugin: str, name: str) -> bool:
    return name == plugin or name.startswith(f"{plugin}--")


def schedules(project: Project) -> list[Schedule]:
    """As `meltano schedule list` tells them; kept until meltano.yml changes, or a file that it includes."""
    kept = project.root / ".meltano" / f"schedules-{_stamp(project.root)}.json"
    if not kept.exists():
        told = _asked(project, "schedule", "list", "--format=json", timeout_s=ASK_S)
        fresh = kept.with_suffix(f".{os.getpid()}")
        kept.parent.mkdir(exist_ok=True)
        fresh.write_text(told, encoding="utf-8")
        fresh.replace(kept)
    return [_schedule(each) for each in json.loads(kept.read_text(encoding="utf-8"))["schedules"]["job"]]


def _stamp(root: Path) -> str:
    whole = root / "meltano.yml"
    patterns = yaml.safe_load(whole.read_text(encoding="utf-8")).get("include_paths") or ()
    included = sorted(path for pattern in patterns for path in root.glob(pattern))
    stamps = [(str(path), path.stat().st_mtime_ns) for path in (whole, *included)]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]


def _schedule(told: Mapping[str, Any]) -> Schedule:  # Any: JSON
    blocks = [task.split() if isinstance(task, str) else list(task) for task in told["job"]["tasks"]]
    return Schedule(
        name=told["name"],
        cron=told["cron_interval"] or None,
        job=told["job"]["name"],
        plugins=list(dict.fromkeys(name for block in blocks for name in block)),
        env=told.get("env") or {},
    )


def ticks(project: Project, schedule: Schedule) -> list[dict[str, Any]]:
    """One run a part, where the schedule has parts; else one for each group of accounts, where it reads them; else one.

    A tick reads at a slot's share of the rate of its account: slices of a past may run beside it. Parts write at shares
    of their own.
    """
    share = _settings(schedule.taps, runs_at_once=project.workers)
    if schedule.parts:
        share |= _settings(schedule.targets, runs_at_once=min(project.workers, len(schedule.parts)))
        return [_order(name, share | dict(env)) for name, env in schedule.parts.items()]
    if not schedule.taps or not project.accounts:
        return [{"name": "tick", "suffix": None, "env": share}]
    return [_order(name, share | _settings(schedule.taps, account_ids=ids)) for name, ids in _groups(project)]


def _groups(project: Project) -> list[tuple[str, list[str]]]:
    """The accounts of each run of a tick, by a name that keeps its state: one each, or a fixed share of them, which an
    account that comes or goes leaves as it is.
    """
    named: dict[str, list[str]] = {}
    for account in project.accounts:
        group = f"group-{zlib.crc32(account.encode()) % project.groups}" if project.groups else account
        named.setdefault(group, []).append(account)
    return sorted(named.items())


def slices(project: Project, schedule: Schedule, *, start: str, end: str, per_worker: int) -> list[dict[str, Any]]:
    """One run a slice, of about as much work each; planned by the tap itself."""
    asked: dict[str, object] = {"start_date": start}
    if end:
        asked["end_date"] = end
    if project.accounts:
        asked["account_ids"] = list(project.accounts)
    env = _settings(schedule.taps, **asked)
    options = ("--workers", str(project.workers), "--slices-per-worker", str(per_worker))
    told = _asked(project, "invoke", f"{schedule.taps[0]}:slices", *options, env=env, timeout_s=PLAN_S)
    return [_slice(schedule, order) for order in json.loads(told)]


def _slice(schedule: Schedule, planned: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: planned[name] for name in ("start_date", "end_date", "runs_at_once")}
    account = planned["account"]
    given |= {"account_ids": [account]} if account else {}
    # Of letters that a state's id and a folder's name may have.
    name = "-".join(filter(None, [account, *(planned[at].translate(_BARE) for at in ("start_date", "end_date"))]))
    return _order(name, _settings(schedule.taps, **given))


_BARE = str.maketrans("", "", "-:")


def _order(name: str, env: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "suffix": name, "env": dict(env)}


def _settings(plugins: Sequence[str], **values: object) -> dict[str, str]:
    """In the environment, for each of these plugins."""
    prefixes = [name.upper().replace("-", "_") for name in plugins]
    return {
        f"{prefix}_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for prefix in prefixes
        for name, value in values.items()
    }


def run(project: Project, schedule: Schedule, order: Mapping[str, Any], *, again: bool = False) -> None:
    """The job, to its end, which is this process's end at the latest. Its log goes to standard output: what comes by
    the other way is an error to Airflow.

    `again`: an earlier try is known to be dead. Meltano alone would wait five minutes before it believes that. Raises
    RuntimeError where the job fails.
    """
    options = ["--state-id-suffix", order["suffix"]] if order["suffix"] else []
    options += ["--force"] if again else []
    line = [*_meltano(project), "--log-format", "json", "run", "--no-install", *options, schedule.job]
    with _place(project, f"{schedule.name}-{order['name']}") as place:
        env = {**os.environ, **schedule.env, **order["env"], **place}
        done = subprocess.run(
            line,
            cwd=project.root,
            env=env,
            # By its number: Airflow has closed Python's own idea of it.
            stderr=1,
            check=False,
            preexec_fn=_ends_with_its_parent(),
        )
    if done.returncode:
        raise RuntimeError(
            f"meltano run {schedule.job} of {order['name']} ended with {done.returncode}: see its log above"
        )


def _ends_with_its_parent() -> Callable[[], object] | None:
    """What Linux is told in a child: a worker that is killed leaves no Meltano behind that goes on beside the next try.

    Its plugins end with it: the tap cannot write any more, the target has read all.
    """
    if sys.platform != "linux":
        return None
    pr_set_pdeathsig = 1
    return partial(ctypes.CDLL(None).prctl, pr_set_pdeathsig, signal.SIGKILL)


@contextmanager
def _place(project: Project, name: str) -> Iterator[dict[str, str]]:
    """A system folder of its own. Meltano keeps a plugin's files of a run under one name in that folder, so two runs of
    a plugin at once would overwrite each other's. The plugins and the state are those of the project.
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
