from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from stripe_flow.api.errors import Misconfigured, Refusal
from target_stripe_flow.outcome import Outcome, Place
from target_stripe_flow.rejects import Rejects, masked

DECLINE = Refusal(status=402, code="card_declined", decline_code="lost_card", request_id="req_1")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_reject_can_be_mended_and_piped_back(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")

    for number in (1, 2):
        rejects.add(
            "charges",
            ["id"],
            {"id": number},
            number,
            Outcome(place=Place.DECLINED, reason="the card was declined", refusal=DECLINE),
        )

    schema, first, second = lines(rejects.path)
    assert schema == {"type": "SCHEMA", "stream": "charges", "schema": {"properties": {}}, "key_properties": ["id"]}
    assert (first["record"], second["record"]) == ({"id": 1}, {"id": 2})
    told = first["stripe_flow"]
    assert told.pop("at")
    assert told == {
        "place": "declined",
        "reason": "the card was declined",
        "field": None,
        "code": "card_declined",
        "decline_code": "lost_card",
        "request_id": "req_1",
        "line": 1,
    }


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.jsonl")

    rejects.add("charges", ["id"], {}, 1, Outcome(place=Place.REJECTED))

    assert stat.S_IMODE(rejects.path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"rejects file .*nowhere.*rejects_path"):
        Rejects(tmp_path / "nowhere" / "rejects.jsonl").add("charges", ["id"], {}, 1, Outcome(place=Place.REJECTED))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("4242424242424242", "[card number]"),
        ("card 4242 4242 4242 4242, thanks", "card [card number], thanks"),
        ("4242-4242-4242-4242", "[card number]"),
        (4242424242424242, "[card number]"),
        ("378282246310005", "[card number]"),
        ("1234567890123456", "1234567890123456"),
        ("4242424242424242424242", "4242424242424242424242"),
        (1_700_000_000, 1_700_000_000),
        (True, True),
        (None, None),
        (1.5, 1.5),
        ("key sk_test_canary01", "key sk_test_[redacted]"),
        ({"number": ["4242424242424242"]}, {"number": ["[card number]"]}),
        ("half \ud800", "half ?"),
    ],
)
def test_card_numbers_and_keys_are_masked(value: object, shown: object) -> None:
    assert masked(value) == shown
