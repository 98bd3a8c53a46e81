"""A sandbox that the messages of a module share."""

from __future__ import annotations

import pytest

from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox_url(seeded_sandbox: Sandbox) -> str:
    return seeded_sandbox.url
