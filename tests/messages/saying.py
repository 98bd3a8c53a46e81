"""What a message must say, and what no message may."""

from __future__ import annotations

import re

from tests.support.plugins import Ended

PLUGINS = ("tap_stripe_flow", "target_stripe_flow")
KEY = "sk_test_canary0123456789"
PERSON = {"email": "canary@example.com", "name": "Canary Jones", "source": "4242424242424242"}


def counted(done: Ended, place: str) -> int:
    found = re.search(rf"(\d+) {place}", done.summary)
    return int(found[1]) if found else 0


def assert_says(pattern: str, line: str) -> None:
    assert re.search(pattern, line, re.DOTALL), line


def assert_clean(text: str) -> None:
    assert "Traceback" not in text
    assert "canary" not in text.lower()
    assert "4242424242424242" not in text
