"""The known word that a misspelled word is closest to."""

from __future__ import annotations

import pytest

from stripe_flow.api.spelling import mistyped_variables, nearest, suggestion
from tap_stripe_flow.settings import CONFIG_JSONSCHEMA

NAMES = tuple(CONFIG_JSONSCHEMA["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_each_misspelled_setting_is_matched_to_its_name(name: str) -> None:
    swapped = name[:1] + name[2:3] + name[1:2] + name[3:]

    assert {nearest(each, NAMES) for each in (swapped, name.upper(), name.replace("_", "-"), f"{name}x")} == {name}


def test_a_word_that_is_like_no_other_has_no_suggestion() -> None:
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
def test_a_variable_that_misspells_a_setting_is_reported(variable: str, meant: str | None) -> None:
    warnings = mistyped_variables("TAP_X_", NAMES, {variable: "canary"})

    assert [warning.rpartition("did you mean ")[2] for warning in warnings] == ([f"{meant}?"] if meant else [])
    assert "canary" not in "".join(warnings)
