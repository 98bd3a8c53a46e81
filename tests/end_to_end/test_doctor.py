"""`stripe-flow doctor` as a command of the plugins: with the settings and the selection that Meltano has."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.volume


@pytest.mark.volume
def test_the_doctor_checks_each_plugin_of_a_project(project: Project, sandbox: Sandbox) -> None:
    selection = {"TAP_STRIPE_FLOW__SELECT": '["charges.*", "products.*", "!products.description"]'}

    tap = project.meltano("invoke", "tap-stripe-flow:doctor", url=sandbox.url, **selection)
    target = project.meltano("invoke", "target-stripe-flow:doctor", "--stream", "charges", url=sandbox.url)
    wrong = project.meltano("invoke", "target-stripe-flow:doctor", url=sandbox.url, STRIPE_API_KEY="sk_test_wrong")

    assert (tap.returncode, target.returncode, wrong.returncode) == (0, 0, 4)
    streams = [line.split()[-1] for line in tap.stdout.splitlines() if line.startswith("✓ streams")]
    assert sorted(streams) == ["charges", "products"]
    assert f"there is none at {project.home / 'journal.db'} yet" in target.stdout
    assert "✗ connection" in wrong.stdout
    assert not (project.home / "journal.db").exists()
    assert "sk_test_" not in tap.stdout + target.stdout + wrong.stdout
