"""Programs that no Python package brings. Where they are missing a test is skipped, loudly; in CI it fails."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, package: str) -> str:
    """Where it is. `package` is Debian's."""
    found = shutil.which(program)
    if found is None:
        reason = f"there is no {program} here: install the package {package}"
        if "STRIPE_FLOW_NO_SKIPS" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return found
