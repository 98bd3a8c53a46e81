"""Programs that no Python package installs. Without one a test is skipped with a message; in CI it fails."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def need(program: str, package: str) -> str:
    """The path of a program. `package` is Debian's package with it."""
    return shutil.which(program) or missing(f"the program {program} is missing: install the package {package}")


def missing(what: str) -> NoReturn:
    """Skip this test, or fail it if STRIPE_FLOW_NO_SKIPS is set."""
    if "STRIPE_FLOW_NO_SKIPS" in os.environ:
        pytest.fail(what)
    pytest.skip(what)
