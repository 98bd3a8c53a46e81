"""The page: it loads nothing, runs only its own script, and has no personal data."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override

from stripe_flow_cli.report import figures, page
from stripe_flow_cli.report.private import mask_field, mask_text
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.journal.store import Journal
from tests.stripe_flow_cli.report.journals import (
    CANARIES,
    CANARY_ADDRESS,
    CANARY_CARD,
    CANARY_KEY,
    CANARY_NAME,
    NOW,
    an_attempt,
    attempts,
)

MOST_BYTES = 5 << 20
NOWHERE = Path("nowhere.jsonl")


class Elements(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def rendered(journal: Journal, rows: Sequence[Attempt], rejects: Path = NOWHERE, *, shows_keys: bool = False) -> str:
    journal.add(rows)
    query = figures.Query(filters={}, rejects_path=rejects, now_unix=NOW, shows_keys=shows_keys)
    return page.render(figures.read_report(journal, query))


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    """A rejects file with personal data in each text that may have some."""
    path = tmp_path / "rejects.jsonl"
    verdict = {"status": "rejected", "request_id": None, "line": 3, "at": "2026-10-01T10:00:00+00:00"}
    whose = {"id": CANARY_NAME, "email": CANARY_ADDRESS, "source": CANARY_CARD}
    reports = [
        {"field": f"metadata.{CANARY_NAME}", "reason": f"the product id {CANARY_NAME} is in use"},
        {"field": CANARY_ADDRESS, "reason": f"{CANARY_ADDRESS} and {CANARY_CARD} and {CANARY_KEY}"},
    ]
    lines = [
        {"type": "SCHEMA", "stream": "charges", "schema": {}, "key_properties": ["id"]},
        *({"type": "RECORD", "stream": "charges", "record": whose, "stripe_flow": verdict | each} for each in reports),
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def persons(number: int, state: State) -> Attempt:
    """A row with personal data in every text that may have some."""
    key = (CANARY_NAME, CANARY_ADDRESS, CANARY_CARD, CANARY_KEY)[number % 4]
    return an_attempt(
        number,
        state,
        action="products",
        source_key=(key,),
        stripe_id=key,  # as with product_id_from_key
        param=f"metadata[{key}]",
        body=key.encode(),
        reason=f"a reason with {CANARY_ADDRESS}, {CANARY_CARD}, {CANARY_KEY}",
        code=f"code {CANARY_ADDRESS}",
    )


@pytest.mark.promise("target 14", "A report names no person")
def test_a_report_names_nobody(journal: Journal, rejects: Path) -> None:
    rows = [persons(number * 100 + turn, state) for number, state in enumerate(State) for turn in range(4)]

    text = rendered(journal, [*rows, *attempts(400)], rejects)

    assert not [canary for canary in CANARIES if canary in text]
    assert "Canary" not in text
    assert "canary" not in text
    assert all(f"products:{row.digest}" in text for row in rows if row.state is State.PARKED)


def test_source_keys_are_shown_with_the_option(journal: Journal, rejects: Path) -> None:
    text = rendered(journal, [persons(1, State.PARKED), persons(2, State.PARKED)], rejects, shows_keys=True)

    assert f"products:{CANARY_ADDRESS}" in text
    assert f"charges:{CANARY_NAME}" in text
    assert "This report shows source keys" in text
    assert CANARY_KEY not in text


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        *((name, name) for name in ("", "amount", "metadata", "shipping.address.line1", "tiers.0.amount")),
        *((name, "metadata.…") for name in ("metadata[Ann Lee]", "metadata.Ann", "metadata.ann@example.com")),
        *((name, "…") for name in ("ann@example.com", "Ann Lee", "ä")),
    ],
)
def test_a_field_is_shown_only_if_it_is_a_path_of_names(field: str, shown: str) -> None:
    assert mask_field(field) == shown


def test_a_text_is_short_and_source_keys_in_it_are_masked() -> None:
    assert mask_text("7 is not 77, and the key 7", ["7", ""]) == "[key] is not 77, and the key [key]"
    assert len(mask_text("x" * 10_000)) == 401


def test_a_page_loads_nothing(journal: Journal) -> None:
    text = rendered(journal, list(attempts(400)))

    tags = Elements(text).tags
    linked = {
        value for _, attributes in tags for name, value in attributes.items() if name in {"src", "href", "srcset"}
    }
    assert {value for value in linked if value and not value.startswith("#")} == {"data:,"}
    assert not {tag for tag, _ in tags} & {"img", "iframe", "object", "embed", "base"}
    assert not re.search(r"url\(|@import", text)


def test_the_page_runs_only_its_own_script(journal: Journal) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    text = rendered(journal, [an_attempt(1, State.DECLINED, code=hostile, decline_code=None, account=hostile)])

    found = Elements(text)
    policy = next(str(attributes["content"]) for tag, attributes in found.tags if "http-equiv" in attributes)
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([], "Nothing has been sent yet"),
        ([State.CREATED], "All is done"),
        ([State.CREATED, State.UNKNOWN], "1 record waits for the next run"),
        ([State.UNKNOWN, State.DECLINED, State.DECLINED], "2 records wait for their customers"),
        ([State.DECLINED, State.REFUSED], "1 record needs a fix"),
        ([State.PARKED, State.CONFLICT, State.REFUSED], "2 records need your decision"),
    ],
)
def test_the_headline_counts_the_most_urgent_records(journal: Journal, states: list[State], said: str) -> None:
    text = rendered(journal, [an_attempt(number, state) for number, state in enumerate(states)])

    assert f"<h1>{said}</h1>" in text
    assert f"<title>{said} · stripe-flow</title>" in text


def test_the_drawings_have_a_table_beside_them(journal: Journal) -> None:
    rows = [an_attempt(1, State.CREATED, settled_unix=NOW), an_attempt(2, State.PARKED, last_sent_unix=NOW)]
    text = rendered(journal, rows)

    drawings = re.findall(r"<svg .*?</svg>", text, re.DOTALL)
    assert len(drawings) == 4, "done and not done, for telephones and desktops"
    assert all('aria-hidden="true"' in drawing for drawing in drawings)
    assert not [drawing for drawing in drawings if re.search("<(script|style|desc)|http://(?!www.w3.org)", drawing)]
    assert "<title>2026-11-24: 1</title>" in "".join(drawings)
    assert '<span class="nowrap">1 parked</span>' in text


@pytest.mark.volume(cases=1)
def test_a_page_of_many_rows_is_small(journal: Journal) -> None:
    rows = list(attempts(30_000, done_of=2))
    text = rendered(journal, rows)

    assert text.count('<li class="item') == 2000
    assert len(text.encode()) < MOST_BYTES
    assert "1,364 records" in text


def test_drawing_leaves_no_import_hook() -> None:
    assert [each for each in sys.meta_path if type(each).__module__.startswith("pygal")] == []
