"""The SDK's test suite for taps, over all streams and a sandbox with objects of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_stripe_flow.tap import TapStripeFlow
from tests.support.plugins import a_config
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.furnishing import FURNISHED_A_LITTLE, add_children, with_all_selected

_CONFIG = a_config("http://127.0.0.1:1", customers_mode="list")  # the address is put in once the sandbox runs

pytestmark = [
    # A sandbox's charges do not show every field of Stripe's, and `refunds` comes only when it is expanded.
    pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning"),
    pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _a_sandbox() -> Iterator[None]:
    with Sandbox(*FURNISHED_A_LITTLE) as sandbox:
        add_children(sandbox)
        _CONFIG["base_url"] = sandbox.url
        yield


@pytest.fixture(autouse=True)
def _no_stale_values(request: pytest.FixtureRequest) -> None:
    """The suite reuses the values of the first attribute for all others; clear them."""
    vars(getattr(request.function, "__self__", request)).pop("non_null_attribute_values", None)


_Suite = get_tap_test_class(
    TapStripeFlow,
    config=_CONFIG,
    suite_config=SuiteConfig(max_records_limit=250),
    parse_env_config=False,
    catalog=with_all_selected(TapStripeFlow(config=_CONFIG, parse_env_config=False).catalog_dict),
)


class TestTapStripeFlow(_Suite):  # type: ignore[misc,valid-type]  # the SDK makes the class
    """Every test of the suite."""
