"""What Airflow's workers call; it stands in a folder of DAGs, which is no package."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.support.plugins import ROOT


@pytest.fixture(scope="session")
def runs() -> ModuleType:
    path = ROOT / "orchestrate" / "dags" / "stripe_flow_runs.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
