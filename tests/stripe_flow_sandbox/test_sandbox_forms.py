"""Form-encoded bytes as the sandbox reads them, and as the official client writes them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from stripe_flow_sandbox.answers.errors import Refusal
from stripe_flow_sandbox.parameters.form import in_order, parse

NAMES = st.text(st.characters(blacklist_characters="[]", blacklist_categories=["Cs"]), min_size=1, max_size=5)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
VALUES = st.recursive(TEXTS, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=6)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_form_of_the_official_client_is_read_back(params: dict[str, Any]) -> None:
    encoded = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in _api_encode(params))

    assert parse(encoded.encode()) == params


def test_arrays_are_read_by_index_or_in_the_order_pushed() -> None:
    tree = parse(b"a[1]=y&a[0]=x&b[]=x&b[]=y&c[0][d]=1")

    assert [in_order(tree[name]) for name in ("a", "b", "c")] == [["x", "y"], ["x", "y"], [{"d": "1"}]]  # type: ignore[arg-type]  # they are mappings


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(encoded: bytes) -> None:
    with suppress(Refusal):
        assert isinstance(parse(encoded), dict)


@pytest.mark.parametrize(
    "encoded", [b"a=%zz", b"a=%ff", b"=1", b"a[=1", b"a]=1", b"a[b]c=1", b"a=1&a=2", b"a=1&a[b]=2", b"a[b]=1&a=2"]
)
def test_malformed_forms_are_refused(encoded: bytes) -> None:
    with pytest.raises(Refusal):
        parse(encoded)
