from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_stripe_flow.attempts.identity import Identity, Scope, source_key
from target_stripe_flow.results.outcome import Rejected

parts = st.text(min_size=1)
identities = st.builds(
    Identity,
    scope=st.builds(Scope, account=parts, mode=st.sampled_from(["test", "live"]), source_name=parts),
    action=parts,
    source_key=st.lists(parts, min_size=1, max_size=3).map(tuple),
)


@given(identities, identities)
def test_two_identities_share_a_digest_only_if_they_are_equal(one: Identity, other: Identity) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_the_digest_of_an_identity_never_changes() -> None:
    scope = Scope(account="acct_1", mode="test", source_name="default")

    # A changed digest would charge every row of every user again.
    assert Identity(scope=scope, action="charges", source_key=("o-1",)).digest == "a1b3df1a31001706709a9226a400f126"


def test_a_number_and_its_text_are_the_same_key() -> None:
    assert source_key({"id": 7}, ["id"]) == source_key({"id": "7"}, ["id"]) == ("7",)


def test_the_key_follows_the_order_of_key_properties() -> None:
    assert source_key({"b": "y", "a": "x"}, ["a", "b"]) == ("x", "y")


@pytest.mark.parametrize("value", [None, "", 1.0, 1.5, True, [], {}, "\ud800", "[card number]"])
def test_an_invalid_key_is_rejected_by_name(value: object) -> None:
    with pytest.raises(Rejected, match="the key order_id") as caught:
        source_key({"order_id": value}, ["order_id"])

    assert caught.value.field == "order_id"


def test_a_missing_key_is_rejected() -> None:
    with pytest.raises(Rejected, match="missing"):
        source_key({}, ["id"])
