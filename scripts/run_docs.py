"""Run the commands of the README and the quick start unchanged, each page in a new copy with an empty home.

python -m scripts.run_docs [PAGE …]

The script runs each block of `sh`, unless the line above it is `<!-- not run: why -->`, and saves each block below
`<!-- file: PATH -->` in the folder in which the shell is then. All blocks of a page run in one shell, as a person would
type them; the first failure ends it. Only the sandbox's port is replaced by a free one, because other sandboxes may run
on this machine. At the end the script prints when the first record was written and the first customer was created. Exit
code 1: a block failed, or one of the two was too late.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
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
BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN, FILE = "not run: ", "file: "
END_OF_FILE = "END OF THE FILE"
# The sandbox's default.
PORT = "12111"
# The longest time until the first record and the first customer, in seconds.
RECORDS_S, CUSTOMER_S = 120, 180
LIFE_S, POLL_EVERY_S = 900, 0.2
# The run must not use the person's keys and settings; it needs their package index and certificates.
EXCLUDED = ("TAP_", "TARGET_", "STRIPE_", "MELTANO_", "VIRTUAL_ENV", "PYTHONPATH")
# Meltano would send these from each run, and wait where there is no network.
QUIET = {"MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "MELTANO_CLI_DISABLE_VERSION_CHECK": "true"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of commands, or of a file's text; `why_not` is the reason why commands are not run."""

    text: str
    file: str = ""
    why_not: str = ""

    def __str__(self) -> str:
        """What the shell runs."""
        if self.why_not:
            return ""
        return f"cat > {self.file} <<'{END_OF_FILE}'\n{self.text}{END_OF_FILE}\n" if self.file else self.text


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A page that was run: times in seconds from the first command, None for what did not happen."""

    code: int
    output: str
    took: float
    first_record: float | None
    first_customer: float | None

    def __str__(self) -> str:
        times = {"first record": self.first_record, "first created customer": self.first_customer}
        marks = [f"{name} after {'—' if at is None else f'{at:.0f} s'}" for name, at in times.items()]
        return f"exit code {self.code} after {self.took:.0f} s; {', '.join(marks)}"

    def is_in_time(self) -> bool:
        marks = ((self.first_record, RECORDS_S), (self.first_customer, CUSTOMER_S))
        return self.code == 0 and all(at is not None and at < most for at, most in marks)


def blocks(text: str) -> list[Block]:
    """The blocks of a page, in order."""
    return [
        Block(
            text=found["text"],
            file=note.removeprefix(FILE) if note.startswith(FILE) else "",
            why_not=note.removeprefix(NOT_RUN) if note.startswith(NOT_RUN) else "",
        )
        for found in BLOCK.finditer(text)
        if (note := found["note"] or "").startswith(FILE) or found["kind"] == "sh"
    ]


def script(page: str) -> str:
    """The shell script of a page; the shell prints each command before it runs it."""
    return "set -ev\n" + "".join(map(str, blocks(page))).replace(PORT, str(free_port()))


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def run(page: str, folder: Path) -> Ran:
    """Run the commands of `page` in a new copy of this repository below `folder`."""
    copy, home = folder / "stripe-flow", folder / "home"
    copy_repository(copy)
    home.mkdir()
    marks: dict[str, float] = {}
    began = time.monotonic()
    with (folder / "output").open("w+", encoding="utf-8", errors="replace") as output:
        command = ["/bin/sh", "-c", script((copy / page).read_text(encoding="utf-8"))]
        streams = {"stdin": subprocess.DEVNULL, "stdout": output.fileno(), "stderr": output.fileno()}
        with running(command, cwd=copy, env=own_env(home), **streams) as child:
            while (code := child.poll()) is None and time.monotonic() - began < LIFE_S:
                note_marks(folder, marks, time.monotonic() - began)
                time.sleep(POLL_EVERY_S)
        took = time.monotonic() - began
        note_marks(folder, marks, took)
        output.seek(0)
        return Ran(
            code=124 if code is None else code,
            output=output.read(),
            took=took,
            first_record=marks.get("record"),
            first_customer=marks.get("customer"),
        )


def note_marks(folder: Path, marks: dict[str, float], now: float) -> None:
    """Note the time of each mark that is reached for the first time, in the copy or in a project beside it."""
    checks: Mapping[str, Callable[[Path], bool]] = {"record": has_records, "customer": has_customer}
    for name, is_there in checks.items():
        if name not in marks and is_there(folder):
            marks[name] = now


def has_records(folder: Path) -> bool:
    return any(found.stat().st_size for found in folder.glob("*/output/**/charges.jsonl"))


def has_customer(folder: Path) -> bool:
    """Whether a journal has a created customer; it can be read while a run owns it."""
    query = "SELECT 1 FROM attempts WHERE action = 'customers' AND state = 'created'"
    for path in [*folder.glob("*/stripe-flow-journal.db"), *folder.glob("*/output/*/journal.db")]:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(connected(path)) as journal:
            if journal.execute(query).fetchone():
                return True
    return False


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def own_env(home: Path) -> dict[str, str]:
    """This machine's environment with an empty home, so without the person's cache and settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(EXCLUDED)}
    return (
        kept
        | QUIET
        | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
    )


def copy_repository(folder: Path) -> None:
    """Copy the files of the repository, without the virtual environment and output."""
    for name in known_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def known_files() -> list[str]:
    """The files that git would add to a new repository here: an unpacked sdist is no repository itself."""
    with tempfile.TemporaryDirectory() as repository:
        subprocess.run(["git", "init", "--quiet", "--bare", repository], check=True)
        listing = ("ls-files", "--others", "--exclude-standard", "-z")
        command = ["git", "--git-dir", repository, "--work-tree", ".", *listing]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
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
