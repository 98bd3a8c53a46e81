from __future__ import annotations

import subprocess
import sys

import pytest

from stripe_flow.api import redaction

CANARY = "sk_test_canary0123456789"
BASIC = "c2tfdGVzdF9jYW5hcnkwMTIzNDU2Nzg5Og=="


@pytest.mark.parametrize(
    "text",
    [
        f"key {CANARY} is wrong",
        f"https://{CANARY}:@api.stripe.com",
        f"Authorization: Basic {BASIC}",
        f"Authorization: Bearer {CANARY}",
        f'{{"api_key": "{CANARY}"}}',
        "rk_live_canary0 and pk_test_canary0 and whsec_canary0",
    ],
)
def test_keys_and_credentials_are_hidden(text: str) -> None:
    redacted = redaction.redact(text)

    assert "canary" not in redacted
    assert BASIC[:-2] not in redacted
    assert redaction.MASK in redacted


def test_the_kind_of_a_key_stays_readable() -> None:
    assert redaction.redact(CANARY) == "sk_test_[redacted]"


def test_ordinary_words_stay() -> None:
    text = "risk_test of basic things: task_live_x, Basic rules, cus_123, tok_visa"

    assert redaction.redact(text) == text


def test_a_mistyped_key_is_hidden_once_it_is_protected() -> None:
    redaction.protect("  sk-test-canary-mistyped\n")

    assert "canary" not in redaction.redact("setting api_key: 'sk-test-canary-mistyped'")


def test_exceptions_are_scrubbed_through_their_causes() -> None:
    inner = ValueError(f"inner {CANARY}")
    outer = RuntimeError(f"outer {CANARY}", {"key": CANARY}, inner)
    outer.__cause__ = inner
    inner.__context__ = outer  # a cycle must end

    redaction.scrub(outer)

    assert "canary" not in f"{outer!r} {inner!r}"


# The secrets are arguments: since Python 3.13 a traceback shows the lines of such a script.
SCRIPT = """
import logging, logging.config, sys
from stripe_flow.api import redaction
key, basic = sys.argv[1:]
redaction.install(); redaction.install()
logging.config.dictConfig({
    "version": 1, "disable_existing_loggers": False,
    "formatters": {"f": {"()": "FORMATTER"}},
    "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
    "root": {"level": "DEBUG", "handlers": ["h"]},
})
log = logging.getLogger("any.library")
log.error("text " + key)
log.error("argument %s", key)
log.error("mapping %(k)s", {"k": key})
log.error("nested %s", [{"k": (key,)}])
try:
    try:
        raise ValueError(key)
    except ValueError as e:
        raise RuntimeError("Basic " + basic) from e
except RuntimeError as e:
    log.exception("failed: %s", e)
raise KeyError(key)
"""


@pytest.mark.parametrize("formatter", ["logging.Formatter", "singer_sdk.logging.StructuredFormatter"])
def test_no_log_line_or_traceback_shows_a_key_whatever_the_logging_setup(formatter: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("FORMATTER", formatter), CANARY, BASIC],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count(redaction.MASK) >= 7
    assert "KeyError" in done.stderr
    assert "canary" not in done.stderr
    assert BASIC[:-2] not in done.stderr
