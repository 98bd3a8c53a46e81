"""A sandbox that the tests of one module share: each makes its own objects and leaves clock and faults alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stripe_flow_sandbox.builders import a_client
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def client(shared: Sandbox) -> Any:  # Any: see a_client
    """The official client of the shared sandbox."""
    return a_client(shared)
