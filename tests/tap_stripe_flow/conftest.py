"""What several suites of the tap start from."""

from __future__ import annotations

import json

import pytest

from tests.support.plugins import Message, run_tap


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Message:
    """The catalog that discovery prints without settings; each test sets which streams are selected."""
    found: Message = json.loads(run_tap(tmp_path_factory.mktemp("catalog"), {}, "--discover").output)
    return found
