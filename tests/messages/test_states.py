"""An unusable state fails its stream with a message that names the reason, and is unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.messages.saying import assert_says
from tests.support.plugins import a_config, run_tap

STATES: list[tuple[str, object, str]] = [
    (
        "of another tap",
        "2026-01-01T00:00:00Z",
        "its .* must be Unix seconds. Clear it .`meltano state clear",
    ),
    (
        "in milliseconds",
        1_795_744_605_000,
        "its .* must be Unix seconds. Clear it .`meltano state clear",
    ),
    (
        "of another Stripe",
        4_000_000_000,
        "the bookmark in its state, 2096-10-02T07:06:40Z, is in the future: .* shows 20.*. Wait until then, or check",
    ),
]


@pytest.mark.parametrize(("value", "said"), [case[1:] for case in STATES], ids=[case[0] for case in STATES])
def test_the_message_for_an_unusable_state_names_the_reason_and_the_fix(
    *, value: object, said: str, sandbox_url: str, tmp_path: Path
) -> None:
    state = {"bookmarks": {"charges": {"replication_key": "created", "replication_key_value": value}}}

    done = run_tap(tmp_path, a_config(sandbox_url), state=state)

    assert (done.code, len(done.errors)) == (2, 1)
    assert_says(f"stream charges failed, its state is unchanged: .*{said}", done.errors[0])
