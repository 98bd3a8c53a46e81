"""Records are Stripe's bytes; where settings change them, the SDK writes them. Both paths write the same values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.official import everything, official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.support.wire import DATE, Peer, answer
from tests.tap_stripe_flow.crowds import post

NOW = 1_900_000_000  # years away from this machine's clock
ODD = (
    'say "no"',
    "back\\slash \\n \\u0041",
    "tab\tline\nreturn\r\nend",
    "café Größe 東京 🦊",
    "\u2028 and \u2029 and \x85 and \x7f and \x0b",
    '"has_more":true}],"data":[',
    '{"type":"STATE","value":{}}',
    "\u0001\u001f",
    "</script>&amp;",
    " " * 40,
)
# What Stripe could send, spelled in ways that a decoder and an encoder would change.
SPELLED = """{
  "id": "ch_1", "object": "charge", "created": %d, "amount": 123456789012345678901234567890,
  "small": 0.1, "large": 1e22, "trailing": 1.10, "minus": -0.0, "exponent": 1E-7, "max": 18446744073709551615,
  "escaped": "caf\\u00e9 \\/ \\ud83d\\ude00 \\u0000", "nested": [[{"a": null, "": {}}], [], true],
  "description": "caf\u00e9 \u2028 \U0001f98a"
}"""
MAPPED = {"stream_maps": {"charges": {"probe": "id"}}}
SLOW = {
    "a stream map": {"stream_maps": {"charges": {"probe": "id"}, "customers": {"probe": "id"}}},
    "a stream map of another stream": {"stream_maps": {"refunds": {"probe": "id"}}},
}


@pytest.fixture(scope="module")
def oddities() -> Iterator[Sandbox]:
    """Charges and customers in two accounts, a fifth of them with strings that need escapes."""
    with Sandbox("--now", str(NOW)) as running:
        for account in (PLATFORM, CONNECTED):
            for kind, form in (
                ("charges", {"amount": 500, "currency": "usd", "source": "tok_visa"}),
                ("customers", {}),
            ):
                requests = []
                for number in range(150):
                    text = ODD[number // 5 % len(ODD)] if number % 5 == 0 else f"order {number}"
                    asked = {**form, "description": text, "metadata[text]": text, "metadata[é]": number}
                    requests.append((f"/v1/{kind}", urlencode(asked)))
                post(running, requests, account=account)
        running.advance(5_000)
        yield running


@pytest.fixture(scope="module")
def fast(oddities: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return run_tap(tmp_path_factory.mktemp("tap"), settings(oddities.url))


def settings(url: str, **more: object) -> dict[str, object]:
    return a_config(url, customers_mode="list", **more)


def lines(done: Ended) -> list[Message]:
    """The messages as a target reads them: only a line feed ends a line."""
    assert done.output.endswith("\n")
    return [json.loads(line) for line in done.output.split("\n")[:-1]]


def records(done: Ended, stream: str) -> list[Message]:
    return [each["record"] for each in lines(done) if each["type"] == "RECORD" and each["stream"] == stream]


def by_id(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in found}


@pytest.mark.parametrize("stream", ["charges", "customers"])
def test_strings_with_escapes_are_unchanged(fast: Ended, oddities: Sandbox, stream: str) -> None:
    theirs = everything(getattr(official(oddities).v1, stream))

    assert by_id(records(fast, stream)) == by_id(theirs)
    assert {each["description"] for each in theirs} >= set(ODD)


@pytest.mark.promise("tap 9", "Records written from the page's own bytes equal those that the SDK writes")
@pytest.mark.parametrize("accounts", [None, ["self", CONNECTED]], ids=["one account", "two accounts"])
@pytest.mark.parametrize("name", SLOW)
def test_both_paths_write_the_same_records(
    oddities: Sandbox, tmp_path: Path, name: str, accounts: list[str] | None
) -> None:
    named = {"account_ids": accounts} if accounts else {}

    done = run_tap(tmp_path, settings(oddities.url, streams_at_once=1, **SLOW[name], **named))
    plain = run_tap(tmp_path, settings(oddities.url, streams_at_once=1, **named))

    for stream in ("charges", "customers"):
        without_probe = [
            {name: value for name, value in each.items() if name != "probe"} for each in records(done, stream)
        ]
        assert without_probe == records(plain, stream)
        assert len(without_probe) == 150 * len(accounts or [""])


def test_a_deselected_field_is_left_out_and_nothing_else(oddities: Sandbox, fast: Ended, tmp_path: Path) -> None:
    catalog = json.loads(run_tap(tmp_path, settings(oddities.url), "--discover").output)
    for stream in catalog["streams"]:
        for each in stream["metadata"]:
            if each["breadcrumb"] == ["properties", "description"]:
                each["metadata"]["selected"] = False

    done = run_tap(tmp_path, settings(oddities.url), catalog=catalog)

    for stream in ("charges", "customers"):
        expected = [
            {name: value for name, value in each.items() if name != "description"} for each in records(fast, stream)
        ]
        assert records(done, stream) == expected


def test_flattening_keeps_every_value(oddities: Sandbox, fast: Ended, tmp_path: Path) -> None:
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}

    done = run_tap(tmp_path, settings(oddities.url, **flat))

    pairs = zip(records(done, "charges"), records(fast, "charges"), strict=True)
    for flattened, whole in pairs:
        assert flattened["description"] == whole["description"]
        assert json.loads(flattened["metadata"]) if "metadata" in flattened else flattened["metadata__text"]


@pytest.mark.parametrize("name", [None, *SLOW])
def test_the_extraction_time_is_that_of_stripes_answer(oddities: Sandbox, tmp_path: Path, name: str | None) -> None:
    before = oddities.clock()

    done = run_tap(tmp_path, settings(oddities.url, **(SLOW[name] if name else {})))

    stamps = {each["time_extracted"] for each in lines(done) if each["type"] == "RECORD"}
    read_at = {datetime.fromisoformat(stamp) for stamp in stamps}
    assert all(stamp.tzinfo is not None for stamp in read_at)
    # By as much as the answer took, and rounded towards the past.
    assert all(before - 5 <= stamp.timestamp() <= oddities.clock() for stamp in read_at)


def test_both_paths_have_the_same_members(oddities: Sandbox, fast: Ended, tmp_path: Path) -> None:
    slow = run_tap(tmp_path, settings(oddities.url, **SLOW["a stream map"]))

    members = [{tuple(sorted(each)) for each in lines(done) if each["type"] == "RECORD"} for done in (fast, slow)]
    assert members[0] == members[1] == {("record", "stream", "time_extracted", "type")}


def page_of(*objects: str) -> bytes:
    return answer(200, f'{{"object": "list", "url": "/v1/charges", "has_more": false, "data": [{", ".join(objects)}]}}')


@pytest.mark.parametrize("more", [{}, MAPPED], ids=["verbatim", "mapped"])
def test_numbers_and_strings_keep_their_value_however_they_are_spelled(tmp_path: Path, more: dict[str, object]) -> None:
    at = int(parsedate_to_datetime(DATE).timestamp())
    spelled = SPELLED % (at - 100_000)

    with Peer([page_of(spelled)]) as peer:
        done = run_tap(tmp_path, a_config(peer.url, **more))

    found = records(done, "charges")[0]
    found.pop("probe", None)
    assert done.code == 0
    assert found == json.loads(spelled)
    stamp = next(each["time_extracted"] for each in lines(done) if each["type"] == "RECORD")
    # By as much as the answer took, and rounded towards the past.
    assert at - 5 <= datetime.fromisoformat(stamp).timestamp() < at


def test_numbers_keep_their_spelling(tmp_path: Path) -> None:
    spelled = SPELLED % 1_700_000_000

    with Peer([page_of(spelled)]) as peer:
        done = run_tap(tmp_path, a_config(peer.url))

    for part in ('"trailing":1.10', '"exponent":1E-7', '"large":1e22', '"minus":-0.0', "caf\\u00e9 \\/ \\ud83d"):
        assert part in done.output


def test_an_answer_that_is_not_utf_8_is_not_emitted(tmp_path: Path) -> None:
    broken = page_of('{"id": "ch_1", "object": "charge", "created": 1700000000, "description": "caf?"}')
    broken = broken.replace(b"caf?", b"caf\xe9")

    with Peer([broken]) as peer:
        done = run_tap(tmp_path, a_config(peer.url, give_up_after_s=1))

    assert done.code == 4
    assert done.output.isascii()
    assert [each for each in done.messages if each["type"] == "RECORD"] == []
