"""Real Meltano shows no secret of a plugin that is declared as a page, the hub or the example project shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.end_to_end.conftest import Project
from tests.support.documented_plugins import Declared, declared_in_files, declared_in_pages

pytestmark = pytest.mark.volume

KEY, PASSWORD = "sk_test_canary01", "canary02"
JOURNAL = f"postgresql://user:{PASSWORD}@127.0.0.1:1/journal"
DECLARED = [each for each in [*declared_in_pages(), *declared_in_files()] if each.name != "tap-records"]


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_meltano_shows_no_secret_of_a_documented_plugin(declared: Declared, tmp_path: Path) -> None:
    project = {"send_anonymous_usage_stats": False, "plugins": {declared.kind: [declared.plugin]}}
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    prefix = declared.name.upper().replace("-", "_")
    secrets = {f"{prefix}_API_KEY": KEY, f"{prefix}_JOURNAL_URL": JOURNAL}

    done = Project(tmp_path, tmp_path).meltano("config", "list", declared.name, **secrets)

    assert done.returncode == 0, done.stderr
    assert "api_key" in done.stdout
    assert KEY not in done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
