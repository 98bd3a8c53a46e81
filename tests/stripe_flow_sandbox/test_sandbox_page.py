"""docs/sandbox.md shows key files and fault scripts that the sandbox accepts, and names every word of them."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec
import pytest

from stripe_flow_sandbox.faults.faults import Action, Match, Rule
from tests.stripe_flow_sandbox.builders import a_client
from tests.support.sandbox import Sandbox

PAGE = Path(__file__).parents[2].joinpath("docs", "sandbox.md").read_text(encoding="utf-8")
KEYS, SCRIPT = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
CELLS = r"^\| `(\w+)` \|([^|]*)\|[^|]*\|[^|]*\|$"
ACTIONS = dict(re.findall(CELLS, PAGE, re.MULTILINE))


def test_the_keys_file_and_the_script_work(tmp_path: Path) -> None:
    keys, script = tmp_path / "keys.json", tmp_path / "faults.json"
    keys.write_text(KEYS)
    script.write_text(SCRIPT)

    with Sandbox("--keys", str(keys), "--faults", str(script)) as sandbox:
        a_client(sandbox, "rk_test_reader").charges.list()

        assert len(sandbox.objects("charge", "acct_main")) == 500
        assert sandbox.fault_state("slow")["struck"] == 1


@pytest.mark.parametrize("action", typing.get_args(Action), ids=lambda action: action.__name__)
def test_the_table_of_faults_names_each_kind_with_all_its_members(action: type[msgspec.Struct]) -> None:
    words = re.findall(r"`(\w+)`", ACTIONS[str(action.__struct_config__.tag)])

    assert words == [field.name for field in msgspec.structs.fields(action)]


@pytest.mark.parametrize("struct", [Rule, Match])
def test_the_page_names_every_word_of_a_rule(struct: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(struct):
        assert f"`{field.name}`" in PAGE or f'"{field.name}"' in PAGE
