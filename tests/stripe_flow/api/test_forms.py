from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import _encode

from stripe_flow.api import forms

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
# The official client writes `True` and `None` for these inside lists, where Stripe has no parameter of that kind.
in_lists = texts | numbers
nested = st.recursive(
    texts | numbers | st.booleans() | st.none(),
    lambda inner: (
        st.dictionaries(names, inner, max_size=4)
        | st.lists(in_lists | st.dictionaries(names, inner, min_size=1, max_size=3), max_size=4)
    ),
    max_leaves=12,
)


def official(parameters: dict[str, object]) -> str:
    """What stripe-python puts on the wire (`_APIRequestor._args_for_request_with_retries`)."""
    return urlencode(list(_encode._api_encode(parameters))).replace("%5B", "[").replace("%5D", "]")  # noqa: SLF001


@pytest.mark.promise("stripe", "Any nested parameters have the bytes of the official client")
@given(st.dictionaries(names, nested, max_size=5))
def test_the_bytes_are_those_of_the_official_client(parameters: dict[str, object]) -> None:
    assert forms.encode(parameters) == official(parameters)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"amount": 100, "capture": False}, "amount=100&capture=false"),
        ({"metadata": {"a b": "c&d"}}, "metadata[a+b]=c%26d"),
        ({"expand": ["customer", "refunds"]}, "expand[0]=customer&expand[1]=refunds"),
        ({"tax_id_data": [{"type": "eu_vat", "value": "x"}]}, "tax_id_data[0][type]=eu_vat&tax_id_data[0][value]=x"),
        ({"email": None, "metadata": {}, "items": []}, ""),
        ({"email": ""}, "email="),
        ({"created": {"gte": 1, "lt": 2}}, "created[gte]=1&created[lt]=2"),
    ],
)
def test_nested_names_are_written_in_brackets(parameters: dict[str, object], text: str) -> None:
    assert forms.encode(parameters) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", object(), {"deep": [-float("inf")]}])
def test_a_value_that_cannot_be_encoded_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="cannot be sent to Stripe"):
        forms.encode({"x": value})


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        forms.encode({"x": "\ud800"})
