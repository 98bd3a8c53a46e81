"""Test a wheel by itself: in a new virtual environment with requirements.lock, and in an empty folder.

Each command prints its help and version, the tap reads a sandbox, and the target creates an object in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from scripts.demo import SANDBOX_KEY, first_line, running

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
PACKAGES = (
    "stripe_flow",
    "stripe_flow_cli",
    "stripe_flow_sandbox",
    "tap_records",
    "tap_stripe_flow",
    "target_stripe_flow",
)
PLUGINS = ("tap-records", "tap-stripe-flow", "target-stripe-flow")
COMMANDS = ("stripe-flow", *PLUGINS)
CHARGES = 20
# The longest time of each child process; an installation may download.
START_S, RUN_S, INSTALL_S = 60, 120, 600


class Broken(Exception):
    """The build must not be published."""


def smoke(wheel: Path, folder: Path, python: str, version: str) -> None:
    """Test the wheel with this Python; `folder` is empty. Raises Broken."""
    run_command(UV, "venv", "--quiet", "--python", python, folder / "venv")
    installed = Installed(folder, version)
    installed.work_folder.mkdir()
    installed.install(wheel)
    installed.check_origins()
    installed.check_commands()
    installed.install_sandbox(wheel)
    with installed.sandbox() as url:
        installed.check_tap(url)
        installed.check_target(url)


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel, and the folder in which its commands run."""

    folder: Path
    version: str

    @property
    def work_folder(self) -> Path:
        return self.folder / "run"

    def install(self, wheel: Path) -> None:
        self._pip("sync", "--require-hashes", ROOT / "requirements.lock")
        self._pip("install", "--no-deps", wheel)
        self._pip("check")
        say(f"On {self._run('python', '-V').strip()}, beside requirements.lock:")

    def install_sandbox(self, wheel: Path) -> None:
        """Install the extra `sandbox` of the wheel's metadata."""
        self._pip("install", f"{wheel}[sandbox]", "--constraint", ROOT / "requirements-dev.lock")

    def check_origins(self) -> None:
        for package in PACKAGES:
            origin = self._run("python", "-c", f"import {package}; print({package}.__file__)").strip()
            if not Path(origin).is_relative_to(self.folder / "venv"):
                raise Broken(f"{package} comes from {origin}, not from the wheel")

    def check_commands(self) -> None:
        for command in COMMANDS:
            self._run(command, "--help")
            if self.version not in (printed := self._run(command, "--version")):
                raise Broken(f"{command} --version prints {printed.strip()}")
        for plugin in PLUGINS:
            about = json.loads(self._run(plugin, "--about", "--format=json"))
            if (about["name"], about["version"]) != (plugin, self.version):
                raise Broken(f"{plugin} --about prints {about['name']} {about['version']}")
        say(f"  {', '.join(COMMANDS)}: --help, --version and --about are right.")

    @contextmanager
    def sandbox(self) -> Iterator[str]:
        """The URL of a sandbox with 20 charges."""
        options = ["sandbox", "--port", "0", "--exit-with-stdin", "--charges", str(CHARGES)]
        command = [str(self.folder / "venv" / "bin" / "stripe-flow"), *options]
        pipe, log = subprocess.PIPE, self.work_folder / "sandbox.log"
        with (
            log.open("wb") as stderr,
            running(command, stdin=pipe, stdout=pipe, stderr=stderr, cwd=self.work_folder, env=bare_env()) as child,
        ):
            url = first_line(child, START_S)
            if not url:
                raise Broken(f"stripe-flow sandbox does not start:\n{log.read_text(encoding='utf-8')}")
            yield url

    def check_tap(self, url: str) -> None:
        read = self._run("tap-stripe-flow", "--config", self._config("tap", api_key=SANDBOX_KEY, base_url=url))
        messages = [json.loads(line) for line in read.splitlines()]
        ids = {each["record"]["id"] for each in messages if each["type"] == "RECORD" and each["stream"] == "charges"}
        if len(ids) != CHARGES:
            raise Broken(f"tap-stripe-flow read {len(ids)} of {CHARGES} charges")
        say(f"  tap-stripe-flow: read {len(ids)} charges of a sandbox.")

    def check_target(self, url: str) -> None:
        (self.work_folder / "rows.csv").write_text("id,name\n1,Ada Example\n", encoding="utf-8")
        files = [{"path": "rows.csv", "stream": "customers", "key_properties": ["id"]}]
        rows = self._run("tap-records", "--config", self._config("rows", files=files))
        config = self._config("target", api_key=SANDBOX_KEY, base_url=url, source_name="smoke")
        self._run("target-stripe-flow", "--config", config, stdin=rows)
        with build_opener(ProxyHandler({})).open(f"{url}/_sandbox/objects?type=customer", timeout=RUN_S) as answer:
            names = [each["name"] for each in json.load(answer)["data"]]
        if names.count("Ada Example") != 1:
            raise Broken(f"target-stripe-flow created {names.count('Ada Example')} customers, not one")
        say("  tap-records, target-stripe-flow: created a customer.")

    def _config(self, name: str, **settings: object) -> str:
        path = self.work_folder / f"{name}.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        return str(path)

    def _pip(self, *arguments: str | Path) -> None:
        run_command(UV, "pip", *arguments, "--quiet", "--python", self.folder / "venv", seconds=INSTALL_S)

    def _run(self, command: str, *arguments: str, stdin: str = "") -> str:
        return run_command(self.folder / "venv" / "bin" / command, *arguments, folder=self.work_folder, stdin=stdin)


def bare_env() -> dict[str, str]:
    """The environment without variables that change Python's imports or the plugins' settings."""
    excluded = ("TAP_", "TARGET_", "STRIPE_", "MELTANO_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(excluded)}


def run_command(
    command: Path, *arguments: str | Path, folder: Path = ROOT, stdin: str = "", seconds: float = RUN_S
) -> str:
    """The output of the command. Raises Broken if it fails."""
    done = subprocess.run(
        [command, *arguments],
        cwd=folder,
        env=bare_env(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise Broken(f"`{command.name} {' '.join(map(str, arguments))}` ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def say(line: str) -> None:
    print(line, flush=True)
