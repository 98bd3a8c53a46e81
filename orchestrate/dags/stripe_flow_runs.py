"""Runs of a Meltano job for one account, slice or part, each with its own state and system folder.

Imports neither Airflow nor the plugins: workers have Meltano, and Meltano has the plugins.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stripe_flow_schedules import Schedule, listed

PLAN_S = 3600
LOG = logging.getLogger(__name__)


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
        which a tick reads them. STRIPE_FLOW_WORKERS: the size of the pool. Raises KeyError or ValueError.
        """
        named = env.get("STRIPE_FLOW_ACCOUNTS", "").split(",")
        return cls(
            root=Path(env["MELTANO_PROJECT_ROOT"]).absolute(),
            meltano=env.get("MELTANO_BIN", "meltano"),
            environment=env.get("MELTANO_ENVIRONMENT", "prod"),
            accounts=[name.strip() for name in named if name.strip()],
            groups=_number(env, "STRIPE_FLOW_GROUPS", 0),
            workers=_number(env, "STRIPE_FLOW_WORKERS", 4),
        )


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal():
        raise ValueError(f"{name} is {text!r}: write a whole number, such as {name}={default}")
    return int(text)


def schedules(project: Project) -> list[Schedule]:
    """The schedules that can have a DAG. The log names the others. Raises ValueError if a file cannot be read."""
    found = listed(project.root)
    for line in (*found.faults, *found.notes):
        LOG.warning("%s", line)
    return list(found.schedules)


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
    """One run for each slice of a backfill, of each part if there are parts; the tap plans slices of equal work."""
    settings: dict[str, object] = {"start_date": start}
    if end:
        settings["end_date"] = end
    if project.accounts:
        settings["account_ids"] = list(project.accounts)
    asked = _settings(schedule.taps, **settings)
    options = ("--workers", str(project.workers), "--slices-per-worker", str(per_worker))
    orders = []
    for part, env in (schedule.parts or {"": {}}).items():
        whole = {**schedule.env, **env, **asked}
        planned = _output_of(project, "invoke", f"{schedule.taps[0]}:slices", *options, env=whole)
        orders += [_slice(schedule, part, each) for each in json.loads(planned)]
    return orders


def _slice(schedule: Schedule, part: str, planned: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: planned[name] for name in ("start_date", "end_date", "runs_at_once", "capture")}
    account = planned["account"]
    settings |= {"account_ids": [account]} if account else {}
    # Only characters that are allowed in a state id and in a folder's name. With an environment of its own a schedule
    # may read another account, so its states are its own.
    own = schedule.name if schedule.env else ""
    span = [planned[at].translate(_BARE) for at in ("start_date", "end_date")]
    name = "-".join(filter(None, [own, part, account, *span]))
    # The part's environment may hold a key, which the plan does not hand through Airflow's database.
    return _order(name, _settings(schedule.taps, **settings)) | {"part": part}


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
        of_part = schedule.parts.get(order.get("part", ""), {})
        env = {**os.environ, **schedule.env, **of_part, **order["env"], **folder_env}
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
    with tempfile.TemporaryDirectory(prefix=f"{name[:100]}-", dir=whole / "runs") as own:
        for kind in ("extractors", "loaders", "mappers", "utilities"):
            if (whole / kind).is_dir():
                (Path(own) / kind).symlink_to(whole / kind)
        database = os.environ.get("MELTANO_DATABASE_URI", f"sqlite:///{whole}/meltano.db")
        yield {"MELTANO_SYS_DIR_ROOT": own, "MELTANO_DATABASE_URI": database}


def _meltano(project: Project) -> list[str]:
    return [project.meltano, "--environment", project.environment]


def _output_of(project: Project, *options: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [*_meltano(project), *options],
        cwd=project.root,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PLAN_S,
        check=True,
    )
    return done.stdout
