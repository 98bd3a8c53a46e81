from __future__ import annotations

from tests.support.sandbox import Sandbox


def test_it_starts_prints_its_url_and_ends(sandbox: Sandbox) -> None:
    assert sandbox.url.startswith("http://127.0.0.1:")
    assert sandbox.objects("charge") == []
