"""A record is unchanged if the parameters that were accepted when it was sent are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_stripe_flow.actions.fingerprint import changed_fields, digest, field_marks, restrict, shape_of
from target_stripe_flow.actions.table import ACTIONS, ActionSpec

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_the_order_of_members_does_not_matter(record: dict[str, Any]) -> None:
    assert digest(record) == digest(dict(reversed(record.items())))


@given(json_values, json_values)
def test_two_values_share_a_digest_only_if_they_are_equal_json(one: object, other: object) -> None:
    same = repr(_sorted(one)) == repr(_sorted(other))

    assert (digest(one) == digest(other)) == same


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("value", [float("nan"), 10**400, "\ud800", {1, 2}.__class__], ids=repr)
def test_values_that_json_cannot_hold_have_a_digest(value: object) -> None:
    assert len(digest({"a": value})) == 32


SHIRT = {"name": "Shirt", "metadata": {"a": "b"}, "package_dimensions": {"height": 1, "width": 2}}


@pytest.mark.parametrize(
    ("known", "kept"),
    [
        ({"name": {}}, {"name": "Shirt"}),
        ({"name": {}, "metadata": {}}, {"name": "Shirt", "metadata": {"a": "b"}}),
        (
            {"package_dimensions": {"properties": {"height": {}}}},
            {"package_dimensions": {"height": 1}},
        ),
        ({"package_dimensions": {"properties": {"depth": {}}}}, {}),
    ],
)
def test_a_parameter_accepted_later_does_not_count(known: dict[str, Any], kept: dict[str, Any]) -> None:
    assert restrict(SHIRT, shape_of({"properties": known})) == kept


def test_entries_of_a_list_are_compared_by_what_was_known_of_them() -> None:
    shape = shape_of({"properties": {"tax_id_data": {"items": {"properties": {"type": {}}}}}})

    assert restrict({"tax_id_data": [{"type": "eu_vat", "value": "x"}]}, shape) == {"tax_id_data": [{"type": "eu_vat"}]}


@pytest.mark.parametrize("spec", ACTIONS.values(), ids=ACTIONS)
def test_a_shape_keeps_all_of_its_own_parameters(spec: ActionSpec) -> None:
    shape = shape_of(spec.schema())

    assert shape is not None
    assert restrict(dict.fromkeys(shape, "x"), shape) == dict.fromkeys(shape, "x")


SHAPES = st.dictionaries(st.text(max_size=5), st.none(), max_size=30)


@given(SHAPES, st.data())
def test_the_changed_fields_are_those_whose_values_differ(shape: dict[str, None], data: st.DataObject) -> None:
    """Twelve bits: a change may be missed, and nothing that is equal is ever named."""
    values = st.dictionaries(st.sampled_from(sorted(shape)), st.integers() | st.text()) if shape else st.just({})
    before, after = data.draw(values), data.draw(values)

    found = changed_fields(after, shape, "salt", field_marks(before, shape, "salt"))

    differing = {name for name in shape if before.get(name) != after.get(name) or (name in before) != (name in after)}
    assert set(found) <= differing
    assert len(found) >= len(differing) - 1
    assert all(name in found for name in differing if (name in before) != (name in after))
