"""Tries a wheel by itself: in a new virtual environment, with what requirements.lock says, in an empty folder.

Each command says what it should, the tap reads a sandbox, and rows become an object in it.
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
# Bounds of every child's life; an installation may have to fetch.
START_S, RUN_S, INSTALL_S = 60, 120, 600


class Broken(Exception):
    """What was built is not fit to be published."""


def smoke(wheel: Path, place: Path, python: str, version: str) -> None:
    """Try the wheel on this Python; `place` is an empty folder. Raises Broken."""
    told(UV, "venv", "--quiet", "--python", python, place / "venv")
    installed = Installed(place, version)
    installed.folder.mkdir()
    installed.take(wheel)
    installed.check_origins()
    installed.check_commands()
    installed.take_sandbox(wheel)
    with installed.sandbox() as url:
        installed.check_tap(url)
        installed.check_target(url)


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel, and the folder it is tried in."""

    place: Path
    version: str

    @property
    def folder(self) -> Path:
        return self.place / "run"

    def take(self, wheel: Path) -> None:
        self._pip("sync", "--require-hashes", ROOT / "requirements.lock")
        self._pip("install", "--no-deps", wheel)
        self._pip("check")
        say(f"On {self._says('python', '-V').strip()}, beside requirements.lock:")

    def take_sandbox(self, wheel: Path) -> None:
        """Its extra, as the wheel's own metadata say."""
        self._pip("install", f"{wheel}[sandbox]", "--constraint", ROOT / "requirements-dev.lock")

    def check_origins(self) -> None:
        for package in PACKAGES:
            origin = self._says("python", "-c", f"import {package}; print({package}.__file__)").strip()
            if not Path(origin).is_relative_to(self.place / "venv"):
                raise Broken(f"{package} comes from {origin}, not from the wheel")

    def check_commands(self) -> None:
        for command in COMMANDS:
            self._says(command, "--help")
            if self.version not in (said := self._says(command, "--version")):
                raise Broken(f"{command} --version says {said.strip()}")
        for plugin in PLUGINS:
            about = json.loads(self._says(plugin, "--about", "--format=json"))
            if (about["name"], about["version"]) != (plugin, self.version):
                raise Broken(f"{plugin} --about says {about['name']} {about['version']}")
        say(f"  {', '.join(COMMANDS)}: --help, --version and --about say what they should.")

    @contextmanager
    def sandbox(self) -> Iterator[str]:
        """The URL of one with some charges."""
        options = ["sandbox", "--port", "0", "--exit-with-stdin", "--charges", str(CHARGES)]
        command = [str(self.place / "venv" / "bin" / "stripe-flow"), *options]
        pipe, log = subprocess.PIPE, self.folder / "sandbox.log"
        with (
            log.open("wb") as said,
            running(command, stdin=pipe, stdout=pipe, stderr=said, cwd=self.folder, env=bare_env()) as child,
        ):
            url = first_line(child, START_S)
            if not url:
                raise Broken(f"stripe-flow sandbox does not start:\n{log.read_text(encoding='utf-8')}")
            yield url

    def check_tap(self, url: str) -> None:
        read = self._says("tap-stripe-flow", "--config", self._config("tap", api_key=SANDBOX_KEY, base_url=url))
        messages = [json.loads(line) for line in read.splitlines()]
        ids = {each["record"]["id"] for each in messages if each["type"] == "RECORD" and each["stream"] == "charges"}
        if len(ids) != CHARGES:
            raise Broken(f"tap-stripe-flow read {len(ids)} of {CHARGES} charges")
        say(f"  tap-stripe-flow: read {len(ids)} charges of a sandbox.")

    def check_target(self, url: str) -> None:
        (self.folder / "rows.csv").write_text("id,name\n1,Ada Example\n", encoding="utf-8")
        files = [{"path": "rows.csv", "stream": "customers", "key_properties": ["id"]}]
        rows = self._says("tap-records", "--config", self._config("rows", files=files))
        config = self._config("target", api_key=SANDBOX_KEY, base_url=url)
        self._says("target-stripe-flow", "--config", config, given=rows)
        with build_opener(ProxyHandler({})).open(f"{url}/_sandbox/objects?type=customer", timeout=RUN_S) as answer:
            names = [each["name"] for each in json.load(answer)["data"]]
        if names.count("Ada Example") != 1:
            raise Broken(f"target-stripe-flow created {names.count('Ada Example')} customers, not one")
        say("  tap-records, target-stripe-flow: created a customer.")

    def _config(self, name: str, **settings: object) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        return str(path)

    def _pip(self, *arguments: str | Path) -> None:
        told(UV, "pip", *arguments, "--quiet", "--python", self.place / "venv", seconds=INSTALL_S)

    def _says(self, command: str, *arguments: str, given: str = "") -> str:
        return told(self.place / "venv" / "bin" / command, *arguments, folder=self.folder, given=given)


def bare_env() -> dict[str, str]:
    """Without what would lead Python to other code, or the plugins to other accounts."""
    theirs = ("TAP_", "TARGET_", "STRIPE_", "MELTANO_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(theirs)}


def told(command: Path, *arguments: str | Path, folder: Path = ROOT, given: str = "", seconds: float = RUN_S) -> str:
    """What the command prints. Raises Broken if it fails."""
    done = subprocess.run(
        [command, *arguments],
        cwd=folder,
        env=bare_env(),
        input=given,
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
