"""The columns that flattening makes: no two of one name, nor of one name for PostgreSQL with the documented length."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from singer_sdk.helpers._flattening import FlatteningOptions, flatten_schema

from tap_stripe_flow.flattening import POSTGRES_LENGTH, explain_equal_names, explain_long_names
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tap_stripe_flow.tap import TapStripeFlow
from tests.support.plugins import a_config

DEPTHS = range(1, 6)
EVERY_STREAM = pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
WARNING = "begin with the same 63 bytes"


def columns(spec: StreamSpec, depth: int, length: int) -> list[str]:
    """The names that the SDK makes. Raises ValueError if two are equal."""
    return list(flatten_schema(schema(spec), depth, max_key_length=length)["properties"])


def schema(spec: StreamSpec) -> dict[str, object]:
    return spec.schema(spec.expandable(), with_account=True)


@pytest.mark.promise("tap 9", "With `flattening_max_key_length: 63` every column has a different name in PostgreSQL")
@EVERY_STREAM
def test_with_the_documented_length_every_column_has_a_name_of_its_own_in_postgresql(spec: StreamSpec) -> None:
    for depth in DEPTHS:
        names = columns(spec, depth, POSTGRES_LENGTH)

        assert max(len(name.encode()) for name in names) <= POSTGRES_LENGTH
        assert len(set(names)) == len(names)
        assert explain_long_names(spec.name, names) == ""


@EVERY_STREAM
@pytest.mark.parametrize("length", [12, 32, 50, 255])
def test_what_the_sdk_refuses_is_explained_before_and_nothing_else(spec: StreamSpec, length: int) -> None:
    for depth in DEPTHS:
        options = FlatteningOptions(enabled=True, max_level=depth, max_key_length=length)
        said = explain_equal_names(spec.name, schema(spec), options)
        try:
            names = columns(spec, depth, length)
        except ValueError:
            assert f"two members of the stream {spec.name} one column" in said
        else:
            cut = Counter(name[:POSTGRES_LENGTH] for name in names)
            assert said == ""
            assert (WARNING in explain_long_names(spec.name, names)) == (max(cut.values()) > 1)


@pytest.mark.parametrize(
    ("settings", "is_warned"),
    [
        ({"flattening_max_depth": 1}, False),
        ({"flattening_max_depth": 3}, True),
        ({"flattening_max_depth": 3, "flattening_max_key_length": POSTGRES_LENGTH}, False),
        ({"flattening_max_depth": 3, "stream_maps": {"charges": {"__alias__": "sales"}}}, True),
        ({"flattening_max_depth": 3, "stream_maps": {"charges": {"id": "id", "__else__": None}}}, False),
    ],
)
def test_a_run_warns_of_columns_that_postgresql_would_cut_to_one(
    settings: dict[str, object], caplog: pytest.LogCaptureFixture, *, is_warned: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        TapStripeFlow(config=a_config("http://127.0.0.1:9", flattening_enabled=True, **settings))

    said = [record.getMessage() for record in caplog.records if WARNING in record.getMessage()]
    assert len(said) == is_warned
    assert all("set flattening_max_key_length to 63" in message for message in said)
