"""Variables of settings that a short block in meltano.yml does not declare, through real Meltano."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import BIN
from tests.support.plugins import clean_env
from tests.support.sandbox import Sandbox

Json = dict[str, Any]  # Any: YAML

# Port 9 of this machine takes no connection.
NOWHERE = "http://127.0.0.1:9"


def connection(url: str) -> Json:
    limits = {"max_requests_per_second": "0", "max_requests_per_second_total": "0"}
    return {"api_key": "$STRIPE_API_KEY", "base_url": url, **limits}


def a_project(folder: Path, url: str, loader: Json | None = None) -> Path:
    """A file that declares no settings, with the commands of this environment; `loader` is a second one."""
    rows = {"path": "rows.csv", "stream": "customers", "key_properties": ["id"], "types": {"id": "integer"}}
    plugins: Json = {
        "extractors": [
            {"name": "tap-records", "namespace": "tap_records", "executable": str(BIN / "tap-records")}
            | {"capabilities": ["catalog", "discover"], "config": {"files": [rows]}},
            {"name": "tap-stripe-flow", "namespace": "tap_stripe_flow", "executable": str(BIN / "tap-stripe-flow")}
            | {"capabilities": ["catalog", "discover", "state"], "select": ["charges.*"], "config": connection(url)},
        ],
        "loaders": [
            {"name": "target-stripe-flow", "namespace": "target_stripe_flow"}
            | {"executable": str(BIN / "target-stripe-flow"), "config": connection(url) | {"source_name": "shop"}},
            *([loader] if loader else []),
        ],
    }
    project = {"project_id": "short", "send_anonymous_usage_stats": False, "default_environment": "dev"}
    file = folder / "meltano.yml"
    file.write_text(yaml.safe_dump(project | {"environments": [{"name": "dev"}], "plugins": plugins}), encoding="utf-8")
    (folder / "rows.csv").write_text("id,email\n1,c1@example.com\n", encoding="utf-8")
    return file


def meltano(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    key = {"STRIPE_API_KEY": Sandbox.key, "HOME": str(folder)}
    return subprocess.run(
        [os.fspath(BIN / "meltano"), *arguments],
        cwd=folder,
        env=clean_env(**key, **env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def declared(file: Path, plugin: str, message: str, parent: str = "") -> None:
    """Do what the message says: add its line to the settings of the plugin, or of its parent."""
    found = re.search(r"Add `(- \{[^`]*\})` below `settings:` of (\S+) in meltano.yml", message)
    assert found is not None
    assert found[2] == plugin
    project = yaml.safe_load(file.read_text(encoding="utf-8"))
    for entry in [*project["plugins"]["extractors"], *project["plugins"]["loaders"]]:
        if entry["name"] == (parent or plugin):
            entry.setdefault("settings", []).extend(yaml.safe_load(found[1]))
    file.write_text(yaml.safe_dump(project), encoding="utf-8")


CHILD = {"name": "child", "inherit_from": "target-stripe-flow"}
EU = {"name": "target-stripe-flow--eu", "inherit_from": "target-stripe-flow"}
WRITER: Json = {"name": "writer", "namespace": "shop", "executable": str(BIN / "target-stripe-flow")}


@pytest.mark.volume
@pytest.mark.promise("target 11", "A `dry_run` variable that Meltano does not pass on stops the run")
@pytest.mark.parametrize(
    ("plugin", "variable", "loader"),
    [
        ("target-stripe-flow", "TARGET_STRIPE_FLOW_DRY_RUN", None),
        ("target-stripe-flow--eu", "TARGET_STRIPE_FLOW__EU_DRY_RUN", EU),
        ("target-stripe-flow--eu", "TARGET_STRIPE_FLOW_DRY_RUN", EU),
        ("child", "TARGET_STRIPE_FLOW_DRY_RUN", CHILD),
        ("writer", "WRITER_DRY_RUN", WRITER),
        ("writer", "SHOP_DRY_RUN", WRITER),
    ],
)
def test_a_dry_run_that_meltano_drops_sends_nothing_and_the_suggested_line_fixes_it(
    plugin: str, variable: str, loader: Json | None, sandbox: Sandbox, tmp_path: Path
) -> None:
    if loader is WRITER:
        loader = WRITER | {"config": connection(sandbox.url) | {"source_name": "shop"}}
    file = a_project(tmp_path, sandbox.url, loader)

    done = meltano(tmp_path, "run", "tap-records", plugin, **{variable: "true"})

    [message] = [line for line in done.stderr.splitlines() if f"variable {variable} is set" in line]
    assert done.returncode == 1
    assert sandbox.requests() == []

    declared(file, plugin.partition("--")[0], message, "target-stripe-flow" if loader is CHILD else "")
    dry = meltano(tmp_path, "run", "tap-records", plugin, **{variable: "true"})
    assert dry.returncode == 0, dry.stderr
    assert "dry run: sends no write" in dry.stderr
    assert sandbox.objects("customer") == []

    mistyped = meltano(tmp_path, "run", "tap-records", plugin, **{variable: "ture"})
    assert mistyped.returncode == 1
    assert "dry_run must be of type boolean" in mistyped.stderr
    assert sandbox.objects("customer") == []

    real = meltano(tmp_path, "run", "tap-records", plugin)
    assert real.returncode == 0, real.stderr
    assert [each["email"] for each in sandbox.objects("customer")] == ["c1@example.com"]


def test_a_base_url_that_meltano_drops_stops_the_tap_before_any_request(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file without `base_url` would let the tap ask the real Stripe."""
    file = a_project(tmp_path, NOWHERE)
    project: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    del project["plugins"]["extractors"][1]["config"]["base_url"]
    file.write_text(yaml.safe_dump(project), encoding="utf-8")

    done = meltano(tmp_path, "invoke", "tap-stripe-flow", TAP_STRIPE_FLOW_BASE_URL=sandbox.url)

    assert done.returncode == 1
    assert "variable TAP_STRIPE_FLOW_BASE_URL is set" in done.stderr
    assert sandbox.requests() == []

    message, *_ = [line for line in done.stderr.splitlines() if "variable TAP_STRIPE_FLOW_BASE_URL is set" in line]
    declared(file, "tap-stripe-flow", message)
    heard = meltano(tmp_path, "invoke", "tap-stripe-flow", TAP_STRIPE_FLOW_BASE_URL=sandbox.url)
    assert heard.returncode == 0, heard.stderr
    assert f"Stripe at {sandbox.url}, test mode" in heard.stderr
    assert {each["path"] for each in sandbox.requests()} == {"/v1/charges"}
    assert all(json.loads(line) for line in heard.stdout.splitlines())
