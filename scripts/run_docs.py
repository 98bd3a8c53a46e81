"""Runs the commands of the README and the quick start as they stand, each page in a fresh copy with an empty home.

python -m scripts.run_docs [PAGE …]

A block of `sh` is run, unless the line above it says `<!-- not run: why -->`. All blocks of a page are typed into one
shell, as a person would; the first one that fails ends it. What is said at the end: when the first record was written,
and when the first customer was created. Exit code 1 if a block failed, or if one of them came too late.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.demo import running

ROOT = Path(__file__).parents[1]
PAGES = ("docs/quick-start.md", "README.md")
BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = "not run: "
# What the issue asks for, in seconds.
RECORDS_S, CUSTOMER_S = 180, 240
LIFE_S, LOOK_EVERY_S = 900, 0.2
# A key or a setting of the person's own must not come along; the package index and certificates must.
THEIRS = ("TAP_", "TARGET_", "STRIPE_", "MELTANO_", "VIRTUAL_ENV", "PYTHONPATH")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of commands; `why_not` says why it is not run."""

    commands: str
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A page that was run: seconds from the first command on, None for what never came."""

    code: int
    output: str
    took: float
    first_record: float | None
    first_customer: float | None

    def __str__(self) -> str:
        times = {"first record": self.first_record, "first created customer": self.first_customer}
        told = [f"{name} after {'—' if at is None else f'{at:.0f} s'}" for name, at in times.items()]
        return f"exit code {self.code} after {self.took:.0f} s; {', '.join(told)}"

    def is_in_time(self) -> bool:
        marks = ((self.first_record, RECORDS_S), (self.first_customer, CUSTOMER_S))
        return self.code == 0 and all(at is not None and at < most for at, most in marks)


def blocks(text: str) -> list[Block]:
    """Of a page, in its order."""
    return [
        Block(
            commands=found["commands"],
            why_not=note.removeprefix(NOT_RUN) if (note := found["note"] or "").startswith(NOT_RUN) else "",
        )
        for found in BLOCK.finditer(text)
    ]


def script(page: str) -> str:
    """What is typed into the shell: what is to be run, each command shown before it runs."""
    return "set -ev\n" + "".join(each.commands for each in blocks(page) if not each.why_not)


def run(page: str, folder: Path) -> Ran:
    """The commands of `page`, in a fresh copy of this repository below `folder`."""
    copy, home = folder / "stripe-flow", folder / "home"
    copy_repository(copy)
    home.mkdir()
    marks: dict[str, float] = {}
    began = time.monotonic()
    with (folder / "output").open("w+", encoding="utf-8", errors="replace") as said:
        command = ["/bin/sh", "-c", script((copy / page).read_text(encoding="utf-8"))]
        streams = {"stdin": subprocess.DEVNULL, "stdout": said.fileno(), "stderr": said.fileno()}
        with running(command, cwd=copy, env=own_env(home), **streams) as child:
            while (code := child.poll()) is None and time.monotonic() - began < LIFE_S:
                look(copy, marks, time.monotonic() - began)
                time.sleep(LOOK_EVERY_S)
        took = time.monotonic() - began
        look(copy, marks, took)
        said.seek(0)
        return Ran(
            code=124 if code is None else code,
            output=said.read(),
            took=took,
            first_record=marks.get("record"),
            first_customer=marks.get("customer"),
        )


def look(copy: Path, marks: dict[str, float], now: float) -> None:
    """Note what is there for the first time."""
    seen: Mapping[str, Callable[[Path], bool]] = {"record": has_records, "customer": has_customer}
    for name, is_there in seen.items():
        if name not in marks and is_there(copy):
            marks[name] = now


def has_records(copy: Path) -> bool:
    return any(found.stat().st_size for found in copy.glob("output/**/charges.jsonl"))


def has_customer(copy: Path) -> bool:
    """By the journal, which can be read while a run holds it."""
    asked = "SELECT 1 FROM attempts WHERE action = 'customers' AND state = 'created'"
    for path in [*copy.glob("stripe-flow-journal.db"), *copy.glob("output/*/journal.db")]:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(connected(path)) as journal:
            if journal.execute(asked).fetchone():
                return True
    return False


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def own_env(home: Path) -> dict[str, str]:
    """This machine's, with an empty home: no cache and no settings of the person's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(THEIRS)}
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}


def copy_repository(folder: Path) -> None:
    """No virtual environment, no output, nothing of this machine."""
    for name in known_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def known_files() -> list[str]:
    """What git would take into a new repository here: an unpacked sdist has none of its own."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["git", "init", "--quiet", "--bare", place], check=True)
        asked = ["git", "--git-dir", place, "--work-tree", ".", "ls-files", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True)
    return [name for name in listed.stdout.decode().split("\0") if name]


def main() -> int:
    is_in_time = True
    for page in sys.argv[1:] or PAGES:
        print(f"{page}: {len(blocks((ROOT / page).read_text(encoding='utf-8')))} blocks", flush=True)
        with tempfile.TemporaryDirectory(prefix="stripe-flow-docs-") as folder:
            ran = run(page, Path(folder))
        if ran.code:
            print(ran.output[-8000:])
        print(f"{page}: {ran}", flush=True)
        is_in_time = is_in_time and ran.is_in_time()
    return int(not is_in_time)


if __name__ == "__main__":
    sys.exit(main())
