"""The name of an account in identities, over what the journal may know."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_flow.api.errors import Misconfigured
from target_stripe_flow.attempts.account_name import Choice, Known, choose_name

A, B = "acct_A", "acct_B"
NAMES = (A, B, "main", "eu")
knowledge = st.builds(
    lambda accounts, bound, said: Known(journal="j", accounts=accounts, bound=bound, said=said & bound.keys()),
    st.frozensets(st.sampled_from(NAMES)),
    st.dictionaries(st.sampled_from(["main", "eu"]), st.sampled_from([A, B])),
    st.frozensets(st.sampled_from(["main", "eu"])),
)
labels = st.sampled_from(["", "main", "eu", A, "new"])


def known(*accounts: str, **bound: str) -> Known:
    return Known(journal="j", accounts=frozenset(accounts), bound=bound)


def chosen(label: str, own: str | None, of: Known) -> Choice | None:
    """The choice; None if the run stops."""
    try:
        return choose_name(label, own, of)
    except Misconfigured:
        return None


@given(labels, st.sampled_from([A, B]), knowledge)
def test_a_readable_account_never_takes_rows_that_may_be_of_another_one(label: str, own: str, of: Known) -> None:
    choice = chosen(label, own, of)

    if choice is not None and choice.name in of.accounts and choice.name != own:
        assert choice.needs_proof == (of.account_of(choice.name) is None)
        assert of.account_of(choice.name) in {own, None}


@given(labels, st.sampled_from([A, B]), knowledge)
def test_rows_of_an_account_are_never_left_behind(label: str, own: str, of: Known) -> None:
    """Under another name every record would be sent again."""
    choice = chosen(label, own, of)
    rows = {name for name in of.accounts if of.account_of(name) == own}

    if choice is not None and rows:
        assert choice.name in rows or choice.needs_proof


@given(st.sampled_from(["main", "eu", A, "new"]), knowledge)
def test_a_key_that_cannot_read_its_account_proves_it_before_it_takes_rows(label: str, of: Known) -> None:
    choice = chosen(label, None, of)

    assert choice is None or choice.needs_proof == (choice.name in of.accounts)


@pytest.mark.parametrize("own", [A, None])
def test_a_new_journal_takes_the_id_and_else_the_label(own: str | None) -> None:
    assert choose_name("main", own, known()).name == (own or "main")


STOPS = {
    "the label is gone": ("", A, known("main"), "account_label main"),
    "the label is gone, and rows of the id are there": ("", A, known("main", A), "account_label main"),
    "the label is renamed": ("shop", A, known("main"), "account_label main"),
    "the label is renamed, and the key cannot read its id": ("shop", None, known("main"), "account_label shop"),
    "the label is another account's": ("main", B, known("main", main=A), f"account_label main is .* {A}.* {B}"),
    "the label without rows is another account's": ("main", B, known(main=A), f"account_label main is .* {A}.* {B}"),
    "the label is gone, and it is another account's": ("", B, known("main", main=A), f"account_label main .*{A}.*{B}"),
    "both names have rows": ("main", A, known("main", A), "both under the account_label main and under acct_A"),
    "rows of an id may be of the label's account": ("main", None, known("main", A), "account_label main and rows of"),
    "both names have rows, one of a bound label": ("", A, known("main", A, main=A), "both under the account_label"),
    "two labels are one account": ("", A, known("main", "eu", main=A, eu=A), "both under the account_label"),
    "the label is the id of another account": (B, A, known(), f"account_label {B} is the account {B}"),
}


@pytest.mark.parametrize(("label", "own", "of", "said"), STOPS.values(), ids=STOPS)
def test_the_run_stops(label: str, own: str | None, of: Known, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        choose_name(label, own, of)


GOES_ON = {
    "the label is gone, and it is this account": ("", A, known("main", main=A), "main", False),
    "the label is renamed, and it is this account": ("shop", A, known("main", main=A), "main", False),
    "the key gains the permission": ("main", A, known("main"), "main", True),
    "the key gained the permission before": ("main", A, known("main", main=A), "main", False),
    "the key loses the permission": ("main", None, known(A, main=A), A, True),
    "the key never has the permission": ("main", None, known("main"), "main", True),
    "the label is bound and has no rows": ("main", None, known(main=A), "main", False),
    "another account's label beside rows of the id": ("", B, known("main", B, main=A), B, False),
}


@pytest.mark.parametrize(("label", "own", "of", "name", "needs_proof"), GOES_ON.values(), ids=GOES_ON)
def test_the_run_goes_on(*, label: str, own: str | None, of: Known, name: str, needs_proof: bool) -> None:
    choice = choose_name(label, own, of)

    assert (choice.name, choice.needs_proof) == (name, needs_proof)


@pytest.mark.parametrize(("label", "own"), list(itertools.product(["main", "eu", ""], [A, None])))
def test_a_person_s_word_counts_for_its_label_only(label: str, own: str | None) -> None:
    of = Known(journal="j", accounts=frozenset({"main"}), bound={"main": A}, said=frozenset({"main"}))

    choice = chosen(label, own, of) if label or own else None

    assert choice is None or choice.is_said == (label == "main")
