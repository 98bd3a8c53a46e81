"""Which known word somebody may have meant."""

from __future__ import annotations

import pytest

from stripe_flow.api.spelling import mistyped_variables, nearest, suggestion
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA

NAMES = tuple(CONFIG_JSONSCHEMA["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_found_by_what_is_nearly_its_name(name: str) -> None:
    swapped = name[:1] + name[2:3] + name[1:2] + name[3:]

    assert {nearest(each, NAMES) for each in (swapped, name.upper(), name.replace("_", "-"), f"{name}x")} == {name}


def test_what_is_like_nothing_has_no_suggestion() -> None:
    assert nearest("journal", ["capture", "expand"]) is None
    assert suggestion("journal", ["capture", "expand"]) == ""
    assert suggestion("chnages", ["new", "changes"]) == " (did you mean changes?)"


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("TAP_X_STRAT_DATE", "TAP_X_START_DATE"),
        ("TAP_X_START_DATE", None),
        ("TAP_X_LOGLEVEL", None),  # the SDK's
        ("TAP_X__EU_START_DATE", None),  # of the connection tap-x--eu
        ("TAP_X__SELECT", None),  # Meltano's
        ("TAP_Y_STRAT_DATE", None),
    ],
)
def test_a_variable_that_misses_a_setting_narrowly_is_told(variable: str, meant: str | None) -> None:
    found = mistyped_variables("TAP_X_", NAMES, {variable: "canary"})

    assert [told.rpartition("did you mean ")[2] for told in found] == ([f"{meant}?"] if meant else [])
    assert "canary" not in "".join(found)
