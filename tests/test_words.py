"""Messages, help, docstrings, comments and docs use the field's words: none of the words that we once had of our own.

Only words that have no other use here are listed. Where one has, the exception stands beside it.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.smoke import PACKAGES
from tests.support.plugins import ROOT

# Our word → (where it is found, what may be written all the same).
WORDS = {
    "status, not place": (
        r"\b(a|one|its|their|which|same) places?\b",
        r"one place (for|where|that)|in place of|a place(, searched| that is)",
    ),
    "tally, not books": (r"\b(the|our|its|server's|whose) books\b", r"$^"),
    "deferred record": (r"\blate ?comers?\b|\btak(e|es|en|ing) up again\b", r"$^"),
    "outcome": (r"\bstands\b|\bstanding\b", r"stands for"),
    "scan": (r"\b(a|the|whole|complete|each|every|no|next) looks?\b|\blook(s|ed|ing)? (for|at)\b", r"$^"),
    "owner": (r"\btenures?\b|\bin hand\b|\bholders?\b", r"(account|card) ?holder|card's holder"),
    "group commit": (r"\bscribes?\b", r"$^"),
    "default payment method": (r"\bwallets?\b|\bpayers?\b", r"$^"),
    "dry run": (r"\brehears\w+", r"$^"),
    "capture": (
        r"\breplicas?\b|\btrigger(s|ed)?\b",
        r"(to a|synchronous) replica|replica without|(###|no such|returns|create|add a|has no) triggers?",
    ),
    "child objects": (r"\bbelonging\b|\bwhat belongs\b", r"$^"),
    "say, log or summary": (r"\btells?\b|\btold\b|\btelling\b", r"tell apart"),
    "plugin under test": (r"\bpatient\b", r"$^"),
    "permission": (
        r"\b(a|the|no|any|missing|lacks?|that|which|this) rights?\b",
        r"right (away|now|side)|the right (one|number)",
    ),
    "throttle": (r"\bpac(e|es|ed|ing|er)\b", r"^\"pace\"$"),
    "deleted": (r"\bgone\b", r"$^"),
    "read-only resource": (r"\bshel(f|ves|ving)\b", r"$^"),
    "fix": (r"\bmend(s|ed|ing)?\b", r"$^"),
    "name who it is": (r"\bwhoever\b|\blikewise\b|\bnow and then\b", r"$^"),
}
# Stripe's own wording, which the sandbox repeats, and what older releases have written.
NOT_OURS = (
    "stripe_flow_sandbox/data/",
    "stripe_flow_sandbox/objects/tokens.py",
    "stripe_flow_sandbox/objects/methods.py",
    "target_stripe_flow/journal/migrations.py",
)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a page; of a module its comments and everything in quotes, docstrings included."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.STRING, tokenize.COMMENT} or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            yield from enumerate(token.string.splitlines(), token.start[0])


def pages() -> Iterator[Path]:
    yield from [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in {".py", ".html"} and not path.relative_to(ROOT).as_posix().startswith(NOT_OURS):
                yield path


@pytest.mark.parametrize("path", list(pages()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_word_of_our_own_is_left(path: Path) -> None:
    found = [
        f"{number}: {word.group()!r} → {instead}: {line.strip()[:100]}"
        for number, line in texts(path)
        for instead, (ours, allowed) in WORDS.items()
        for word in re.finditer(ours, line, re.IGNORECASE)
        if not any(each.start() <= word.start() < each.end() for each in re.finditer(allowed, line, re.IGNORECASE))
    ]

    assert not found, "\n".join(found)
