"""The plugins of ours that pages of the docs, the hub's definitions and example files declare in YAML."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.support.plugins import ROOT

Json = dict[str, Any]  # Any: YAML

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = ("tap-stripe-flow", "tap-records", "target-stripe-flow")
_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A plugin with a `namespace`: Meltano knows nothing of it but what is written here."""

    where: str
    plugin: Json

    @property
    def name(self) -> str:
        return str(self.plugin["name"])

    @property
    def kind(self) -> str:
        return "loaders" if self.name.startswith("target-") else "extractors"

    @property
    def settings(self) -> dict[str, Json]:
        return {setting["name"]: setting for setting in self.plugin.get("settings", [])}

    def __str__(self) -> str:
        return f"{self.where}-{self.name}"


def declared_in_pages() -> list[Declared]:
    found = []
    for path in PAGES:
        for _, block in _BLOCK.findall(path.read_text(encoding="utf-8")):
            found += _declared(path.name, yaml.safe_load(textwrap.dedent(block)))
    return found


def declared_in_files() -> list[Declared]:
    """Those of the example project and of the hub's definitions."""
    paths = [ROOT / "meltano.yml", *sorted((ROOT / "hub").glob("*/*.yml"))]
    return [each for path in paths for each in _declared(path.name, yaml.safe_load(path.read_text(encoding="utf-8")))]


def _declared(where: str, part: Any) -> list[Declared]:  # Any: YAML
    plugins = (each for each in named(part) if each["name"] in NAMES and "namespace" in each)
    return [Declared(where=where, plugin=each) for each in plugins]


def named(part: Any) -> Iterator[Json]:  # Any: YAML
    """Every entry with a name, wherever in the part."""
    if isinstance(part, dict):
        if "name" in part:
            yield part
        for inner in part.values():
            yield from named(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from named(inner)
