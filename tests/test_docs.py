"""The docs match the code."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from singer_sdk.plugin_base import PluginBase

from stripe_flow.api.settings import SETTINGS
from tap_records.tap import TapRecords
from tap_stripe_flow.capture.changes import EVENTS_KEPT_S
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.tap import TapStripeFlow
from tap_stripe_flow.windows.id_pool import MOST_IDS
from tap_stripe_flow.windows.plan import DAY_S
from target_stripe_flow.attempts.lifecycle import ABSENT_AFTER_S, HOUR_S, KEY_LIFETIME_S, SCAN_FROM_S
from target_stripe_flow.execution.deferred import MOST_WAITING
from target_stripe_flow.execution.marker import MOST_KEYS
from target_stripe_flow.journal.file_lock import WAIT_S
from target_stripe_flow.target import TargetStripeFlow
from tests.support.documented_plugins import named
from tests.support.plugins import ROOT, clean_env

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
POINTER = re.compile(r"`((?:tests|scripts|tap_records|(?:tap_|target_)?stripe_flow(?:_\w+)?)/[\w/]+\.py)(?:::(\w+))?`")

# What a generator writes does not count.
GENERATED = re.compile(r"<!-- ([^:\n]+): written by [\w/.]+ -->.*?<!-- end of \1 -->", re.DOTALL)
MOST_CHARACTERS = 12_000


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_short(path: Path) -> None:
    by_hand = GENERATED.sub("", path.read_text(encoding="utf-8"))

    assert len(by_hand) <= MOST_CHARACTERS


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_files_and_tests_that_the_docs_name_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    for file, name in POINTER.findall(text):
        assert (ROOT / file).is_file(), file
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("plugin", ["tap_stripe_flow", "target_stripe_flow"])
def test_the_modules_of_a_records_way_exist(plugin: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    way = page.partition(f"| step | module in `{plugin}/` |")[2].partition("\n\n")[0]
    files = re.findall(r"`([\w/]+\.py)`", way)

    assert files
    assert [file for file in files if not (ROOT / plugin / file).is_file()] == []


def test_the_generated_tables_match_the_code() -> None:
    command = [sys.executable, "-m", "scripts.generate_docs", "--check"]
    done = subprocess.run(command, cwd=ROOT, env=clean_env(), check=False, timeout=60)

    assert done.returncode == 0, "run python -m scripts.generate_docs"


@pytest.mark.parametrize("plugin", [TapStripeFlow, TargetStripeFlow, TapRecords], ids=lambda plugin: str(plugin.name))
def test_every_setting_is_in_the_reference(plugin: type[PluginBase]) -> None:
    documented = set(
        re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    of_the_sdk = re.compile("stream_map|faker|flattening")

    ours = {name for name in plugin.config_jsonschema["properties"] if not of_the_sdk.match(name)}
    assert ours
    assert ours <= documented


LIMITS = {
    "ids that one state remembers, over all streams and accounts": MOST_IDS,
    "days for which Stripe keeps events": EVENTS_KEPT_S / DAY_S,
    "requests in flight at once, at most (`concurrency`)": SETTINGS["concurrency"]["maximum"],
    "deferred records that may wait in one run": MOST_WAITING,
    "hours for which an idempotency key counts as alive": KEY_LIFETIME_S / HOUR_S,
    'hours after the last send before a complete scan counts as "not created"': ABSENT_AFTER_S / HOUR_S,
    "minutes before an `unknown` attempt is scanned for": SCAN_FROM_S / 60,
    "seconds that a second process waits for a journal file": WAIT_S,
    "metadata keys of an object, ours included": MOST_KEYS,
}


def test_the_limits_are_the_ones_of_the_code() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")

    assert {name: float(figure) for name, figure in re.findall(r"^\| (.*) \| (\d+) \|$", page, re.MULTILINE)} == LIMITS


YAML_BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
YAML_BLOCKS = [
    pytest.param(textwrap.dedent(block), id=f"{path.name}-{at}")
    for path in PAGES
    for at, (_, block) in enumerate(YAML_BLOCK.findall(path.read_text(encoding="utf-8")))
]
OURS = {plugin.name: plugin for plugin in (TapStripeFlow, TargetStripeFlow, TapRecords)}


@pytest.mark.parametrize("block", YAML_BLOCKS)
def test_the_settings_and_streams_of_an_example_exist(block: str) -> None:
    for entry in named(YAML(typ="safe").load(block)):
        plugin = OURS.get(str(entry.get("inherit_from", entry["name"])))
        if plugin is not None:
            known = dict(plugin.config_jsonschema)
            plugin.append_builtin_config(known)
            assert set(entry.get("config", {})) <= set(known["properties"])
        if plugin is TapStripeFlow:
            chosen = {each.removeprefix("!").partition(".")[0] for each in entry.get("select", [])} - {"*"}
            assert chosen | set(entry.get("config", {}).get("stream_maps", {})) <= {spec.name for spec in STREAMS}
