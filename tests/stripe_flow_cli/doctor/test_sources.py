"""What the doctor says about `source_name`: what a run would meet, and the run's exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.journal.location import location_of
from tests.kills.target.rows import fields_of
from tests.stripe_flow_cli.doctor.doctor import doctor, findings, of_check
from tests.support.plugins import a_config, a_record, a_schema, run, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import UNDO_TO_RELEASE_BEFORE, execute


@pytest.mark.parametrize("action", ACTIONS)
def test_a_new_source_name_is_foretold(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema(action), a_record(action, id=1, **fields_of(sandbox, action))]
    run_target(tmp_path, a_config(sandbox.url), lines)
    config = a_config(sandbox.url, source_name="crm")

    unsure = of_check(findings("target", tmp_path, config), "source")
    sure = doctor("target", tmp_path, config, "--stream", action)
    of_stream = doctor("target", tmp_path, a_config(sandbox.url, source_names={action: "crm"}), "--stream", action)
    same = of_check(findings("target", tmp_path, a_config(sandbox.url), "--stream", action), "source")
    ran = run_target(tmp_path, config, lines)

    assert [status for status, _ in unsure] == ["open"]
    assert f"no {action} of the source_name crm. It has records of these source_names: 1 of default." in unsure[0][1]
    assert f"`stripe-flow journal source add crm --action {action} --config doctor.json`" in unsure[0][1]
    assert sure.code == of_stream.code == ran.code == 1
    assert same == [("ok", "the records are of the source_name default, a part of every record's identity")]


@pytest.mark.parametrize("missing", [{"source_name": ""}, None])
def test_a_missing_source_name_is_the_message_of_the_run(
    missing: dict[str, str] | None, sandbox: Sandbox, tmp_path: Path
) -> None:
    config = a_config(sandbox.url)
    run_target(
        tmp_path, config | {"source_name": "crm"}, [a_schema("customers"), a_record("customers", id=1, name="A")]
    )
    (tmp_path / "config.json").write_text(json.dumps(config | (missing or {})), encoding="utf-8")

    line = [sys.executable, "-m", "stripe_flow_cli", "doctor", "--plugin", "target", "--json"]
    [settings] = [
        json.loads(each)
        for each in run([*line, "--config", "config.json"], tmp_path).output.splitlines()
        if json.loads(each)["check"] == "settings"
    ]
    ran = run([sys.executable, "-m", "target_stripe_flow", "--config", "config.json"], tmp_path)

    assert (settings["status"], settings["exit_code"], ran.code) == ("stops", 1, 1)
    assert ran.errors == [settings["message"]]
    assert 'has "crm"' in settings["message"]


def test_a_journal_of_an_older_release_is_compared_by_its_names(sandbox: Sandbox, tmp_path: Path) -> None:
    run_target(tmp_path, a_config(sandbox.url), [a_schema("customers"), a_record("customers", id=1, name="A")])
    journal = location_of({"journal_url": f"sqlite:///{tmp_path / 'stripe-flow-journal.db'}"})
    execute(journal, *UNDO_TO_RELEASE_BEFORE)

    same = of_check(findings("target", tmp_path, a_config(sandbox.url)), "source")
    other = of_check(findings("target", tmp_path, a_config(sandbox.url, source_name="crm")), "source")

    assert same[0][0] == "ok"
    assert other[0][0] == "open"
    assert "the journal has records of the source_name default, and none of crm" in other[0][1]
