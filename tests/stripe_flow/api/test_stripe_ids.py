from __future__ import annotations

import pytest

from stripe_flow.api.stripe_ids import shown_code, shown_param, shown_path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/customers", "/v1/customers"),
        ("/v1/customers/cus_N4x", "/v1/customers/cus_N4x"),
        ("/v1/customers/cus_N4x/balance_transactions", "/v1/customers/cus_N4x/balance_transactions"),
        ("/v1/customers/ann", "/v1/customers/…"),
        ("/v1/products/Ann%20Lee", "/v1/products/…"),
        ("/v1/products/ann_lee/features", "/v1/products/…/features"),
        ("/v1/test_helpers/test_clocks/clock_1", "/v1/test_helpers/test_clocks/clock_1"),
        ("/v1/issuing/cards/ann", "/v1/issuing/cards/…"),
    ],
)
def test_a_path_shows_ids_of_stripe_only(path: str, shown: str) -> None:
    assert shown_path(path) == shown


@pytest.mark.parametrize(
    ("param", "shown"),
    [
        ("amount", "amount"),
        ("shipping[address][line1]", "shipping[address][line1]"),
        ("tax_id_data[0][value]", "tax_id_data[0][value]"),
        ("items.0.price", "items.0.price"),
        ("metadata[plan]", "metadata[plan]"),
        ("metadata[Ann Lee]", "metadata[…]"),
        ("metadata[ann.lee@example.com]", "metadata[…]"),
        ("metadata[4242 4242 4242 4242]", "metadata[…]"),
    ],
)
def test_a_parameter_shows_plain_names_only(param: str, shown: str) -> None:
    assert shown_param(param) == shown


def test_a_code_is_one_word() -> None:
    assert [shown_code(code) for code in ("card_declined", "No such customer: ann")] == ["card_declined", "…"]
