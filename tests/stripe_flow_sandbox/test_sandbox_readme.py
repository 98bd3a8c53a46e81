"""The README's section about the sandbox shows scripts and words that the sandbox takes, all of them."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec
import pytest

from stripe_flow_sandbox.faults.actions import Action
from stripe_flow_sandbox.faults.faults import Match, Rule
from tests.stripe_flow_sandbox.builders import a_client
from tests.support.sandbox import Sandbox

README = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## The sandbox\n")[2].partition("\n## ")[0]
KEYS, SCRIPT = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
CELLS = r"^\| `(\w+)` \|([^|]*)\|[^|]*\|[^|]*\|$"
ACTIONS = dict(re.findall(CELLS, SECTION, re.MULTILINE))


def test_the_keys_file_and_the_script_work(tmp_path: Path) -> None:
    keys, script = tmp_path / "keys.json", tmp_path / "faults.json"
    keys.write_text(KEYS)
    script.write_text(SCRIPT)

    with Sandbox("--keys", str(keys), "--faults", str(script)) as sandbox:
        a_client(sandbox, "rk_test_reader").charges.list()

        assert len(sandbox.objects("charge", "acct_main")) == 500
        assert sandbox.fault_state("slow")["struck"] == 1


@pytest.mark.parametrize("action", typing.get_args(Action), ids=lambda action: action.__name__)
def test_the_table_of_faults_names_each_kind_with_all_its_words(action: type[msgspec.Struct]) -> None:
    words = re.findall(r"`(\w+)`", ACTIONS[str(action.__struct_config__.tag)])

    assert words == [field.name for field in msgspec.structs.fields(action)]


@pytest.mark.parametrize("struct", [Rule, Match])
def test_every_word_of_a_rule_is_told(struct: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(struct):
        assert f"`{field.name}`" in SECTION or f'"{field.name}"' in SECTION
