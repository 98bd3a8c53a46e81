"""The SDK's own suite for targets. Stream maps turn all its streams into customers."""

from __future__ import annotations

from pathlib import Path

import pytest
from singer_sdk.testing import get_target_test_class

from target_stripe_flow.target import TargetStripeFlow
from tests.support.plugins import a_config
from tests.support.sandbox import Sandbox

STREAMS = (
    "test_array_data", "TestCamelcase", "ForecastingTypeToCategory", "test_duplicate_records", "test_strings",
    "test_strings_in_arrays", "test_strings_in_objects",
    "test_optional_attributes", "example_stream", "record_missing_fields",
    "test_schema_updates", "test:SpecialChars!in?attributes",
)  # fmt: skip

# Deselected, each with its reason: the target refuses on purpose what the suite expects there.
REFUSED = {
    "test_target_no_primary_keys": "a stream without a key is refused: its records could not be sent only once",
    "test_target_pk_updates": "its first SCHEMA has its key in the wrong place, so the stream has none",
    "test_target_record_missing_key_property": "a record without its key is a reject, not the end of the run",
    "test_target_schema_no_properties": "its streams have no key",
}

_CONFIG = a_config(
    "http://127.0.0.1:1",
    source_name="default",
    source_names={name: name for name in STREAMS},  # some of its inputs have several streams of one action
    stream_maps={name: {"__alias__": "customers"} for name in STREAMS},
)


@pytest.fixture(scope="module")
def _a_sandbox() -> object:
    with Sandbox() as running:
        _CONFIG["base_url"] = running.url
        yield running


@pytest.fixture(autouse=True)
def _a_folder(_a_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


_Suite = get_target_test_class(TargetStripeFlow, config=_CONFIG, parse_env_config=False)


class TestTargetStripeFlow(_Suite):  # type: ignore[misc,valid-type]  # the SDK makes the class
    """Every test of the suite except REFUSED."""


for _name in REFUSED:
    setattr(TestTargetStripeFlow, _name, None)


def test_every_deselected_test_exists_in_the_suite() -> None:
    assert all(hasattr(_Suite, name) for name in REFUSED)
