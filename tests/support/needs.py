"""Programs that no Python package brings. Where they are missing a test is skipped, loudly; in CI it fails."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def need(program: str, package: str) -> str:
    """Where it is. `package` is Debian's."""
    return shutil.which(program) or missing(f"there is no {program} here: install the package {package}")


def missing(what: str) -> NoReturn:
    """The end of this test."""
    if "STRIPE_FLOW_NO_SKIPS" in os.environ:
        pytest.fail(what)
    pytest.skip(what)
