"""A plugin that is copied from a page runs, hides its secrets, and comes from an address that is ours."""

from __future__ import annotations

import re

import pytest

from scripts.smoke import PACKAGES
from tests.support.documented_plugins import PAGES, Declared, declared_in_files, declared_in_pages
from tests.support.plugins import ROOT

IN_PAGES = declared_in_pages()
EVERY = [*IN_PAGES, *declared_in_files()]
# Without these Meltano passes neither catalog nor state.
CAPABILITIES = {
    "tap-stripe-flow": {"catalog", "discover", "state"},
    "tap-records": set(),  # it has no state, and reads the files that its setting names
    "target-stripe-flow": set(),
}
SECRETS = {
    "tap-stripe-flow": {"api_key"},
    "tap-records": set(),
    "target-stripe-flow": {"api_key", "journal_url"},
}
# A run stops when a variable of one of these does not arrive.
DECLARED = {
    "tap-stripe-flow": {"base_url"},
    "tap-records": set(),
    "target-stripe-flow": {"base_url", "dry_run", "allow_live"},
}
COMMANDS = {
    "tap-stripe-flow": {"doctor"},
    "tap-records": set(),
    "target-stripe-flow": {"doctor", "journal"},
}
# The name in the index is nobody's: whoever takes it could send anything to those who install it.
FROM_AN_INDEX = re.compile(
    r"pip_url: *[\"']?stripe-flow|(?:pip|tool|pipx) install[^\n`]*[ \"']stripe-flow\b(?!/)|stripe-flow\["
)


@pytest.mark.parametrize("declared", EVERY, ids=str)
def test_a_declared_plugin_gets_state_and_catalog_and_has_its_commands(declared: Declared) -> None:
    assert set(declared.plugin.get("capabilities", [])) >= CAPABILITIES[declared.name]
    assert set(declared.plugin.get("commands", {})) >= COMMANDS[declared.name]
    assert declared.settings.keys() >= DECLARED[declared.name]


@pytest.mark.parametrize("declared", EVERY, ids=str)
def test_the_secrets_of_a_declared_plugin_are_sensitive(declared: Declared) -> None:
    hidden = {name for name, setting in declared.settings.items() if setting.get("sensitive")}

    assert hidden >= SECRETS[declared.name]


@pytest.mark.parametrize("declared", IN_PAGES, ids=str)
def test_a_plugin_in_a_page_comes_from_the_documented_variable(declared: Declared) -> None:
    assert re.fullmatch(r"\$STRIPE_FLOW( [\w\[\]-]+)*", declared.plugin["pip_url"])


def test_the_readme_and_the_page_that_explains_it_show_one_project() -> None:
    fence = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    readme, page = (
        fence.findall(path.read_text(encoding="utf-8"))[0]
        for path in (ROOT / "README.md", ROOT / "docs" / "meltano-project.md")
    )

    assert page == readme


def test_nothing_installs_a_name_that_an_index_does_not_have_from_us() -> None:
    modules = [path for package in (*PACKAGES, "scripts") for path in (ROOT / package).rglob("*.py")]
    files = [path for folder in ("hub", "orchestrate", "examples") for path in (ROOT / folder).rglob("*.*")]

    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in [*PAGES, *modules, *files, ROOT / "meltano.yml"]
        if (lines := FROM_AN_INDEX.findall(path.read_text(encoding="utf-8")))
    }

    assert found == {}
