"""The judgements of `stripe-flow doctor`, pure functions of facts, and the engine that runs its table of checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from stripe_flow.api.connection import Mode
from stripe_flow.api.errors import Misconfigured, StripeUnreachable
from stripe_flow_cli.doctor.connection import (
    Clocks,
    ConnectionFacts,
    Samples,
    Throttle,
    judge_clocks,
    judge_connection,
    judge_latency,
    judge_throttle,
    judge_version,
)
from stripe_flow_cli.doctor.engine import Check, examine
from stripe_flow_cli.doctor.findings import Finding, Mark, exit_code, ok, stops, warns
from stripe_flow_cli.doctor.streams import judge_selected
from stripe_flow_cli.doctor.tap import select_streams

NOW = 1_800_000_000


def samples(*took_s: float, answered: str | None = "2026-10-28.endive") -> Samples:
    versions = frozenset({answered} if answered else ())
    return Samples(asked="2026-10-28.endive", answered=versions, took_s=took_s)


def throttle(per_endpoint: float, total: float, mode: Mode = Mode.TEST) -> Throttle:
    return Throttle(per_endpoint=per_endpoint, total=total, mode=mode)


JUDGED: list[tuple[str, Iterator[Finding], Mark, str]] = [
    ("a clock in step", judge_clocks(Clocks(stripe_unix=NOW, here_unix=NOW + 2.5)), Mark.OK, "less than 30 s"),
    ("a clock ahead", judge_clocks(Clocks(stripe_unix=NOW, here_unix=NOW + 90)), Mark.OPEN, "90 s ahead of Stripe's"),
    ("a clock behind", judge_clocks(Clocks(stripe_unix=NOW, here_unix=NOW - 90)), Mark.OPEN, "90 s behind Stripe's"),
    ("no clock", judge_clocks(Clocks(stripe_unix=None, here_unix=NOW)), Mark.OPEN, "no Date"),
    ("the version asked for", judge_version(samples(0.1)), Mark.OK, "answered in the same"),
    ("another version", judge_version(samples(0.1, answered="2020-08-27")), Mark.OPEN, "in 2020-08-27"),
    ("no stream", judge_selected([]), Mark.STOPS, "no stream is selected that the key may read"),
    ("no version", judge_version(samples(answered=None)), Mark.OPEN, "knows nothing that the key may read"),
    ("a quick answer", judge_latency(samples(9, 0.2, 0.1)), Mark.OK, "200 ms"),
    ("a slow answer", judge_latency(samples(2, 1.5, 0.1)), Mark.OPEN, "1500 ms for a small read, .* slow"),
    ("no answer", judge_latency(samples()), Mark.OPEN, "not measured"),
    ("a rate below Stripe's", judge_throttle(throttle(20, 20)), Mark.OK, "20 requests per second"),
    ("too much in total for test mode", judge_throttle(throttle(20, 80)), Mark.OPEN, "lower max_requests_per_second"),
    ("the same in live mode", judge_throttle(throttle(20, 80, Mode.LIVE)), Mark.OK, "80 in total"),
    (
        "too much for one endpoint",
        judge_throttle(throttle(50, 80, Mode.LIVE)),
        Mark.OPEN,
        "lower max_requests_per_second",
    ),
    ("no throttle", judge_throttle(throttle(0, 0)), Mark.OK, "not throttled"),
]


@pytest.mark.parametrize(("found", "mark", "said"), [case[1:] for case in JUDGED], ids=[case[0] for case in JUDGED])
def test_each_fact_has_its_finding(found: Iterator[Finding], mark: Mark, said: str) -> None:
    [finding] = found

    assert finding.mark is mark
    assert re.search(said, finding.text), finding.text


def test_a_proxy_is_named_whether_stripe_answers_or_not() -> None:
    facts = ConnectionFacts(base_url="https://api.stripe.com", proxy="proxy.example:3128", account=None, error=None)

    [good] = judge_connection(facts)
    [bad] = judge_connection(replace(facts, error=StripeUnreachable("no answer")))

    assert (good.mark, bad.mark, bad.exit_code) == (Mark.OK, Mark.STOPS, 4)
    assert "through the proxy proxy.example:3128" in good.text
    assert "no answer. Requests go through the proxy proxy.example:3128" in bad.text


def a_check(name: str, *findings: Finding, after: Sequence[str] = ()) -> Check[None, Sequence[Finding]]:
    return Check(name, lambda _: findings, lambda facts: facts, frozenset(after))


def refuse(_: None) -> Sequence[Finding]:
    raise Misconfigured("a setting is wrong")


def test_checks_that_need_a_stopped_check_are_skipped_and_named_in_one_line() -> None:
    checks = (
        Check("first", refuse, lambda facts: facts),
        a_check("second", ok("fine"), after=["first"]),
        a_check("third", ok("fine"), after=["second"]),
        a_check("fourth", ok("fine"), warns("perhaps")),
    )

    found = list(examine(None, checks))

    assert found == [
        ("first", stops("a setting is wrong", 1)),
        ("fourth", ok("fine")),
        ("fourth", warns("perhaps")),
        ("not yet", warns("second, third not checked: fix what stops a run, then run the doctor again")),
    ]


@pytest.mark.parametrize(
    ("findings", "code"),
    [([], 0), ([ok("")], 0), ([warns("")], 0), ([ok(""), stops("", 4), stops("", 1)], 4), ([stops("", 2)], 2)],
)
def test_the_exit_code_is_that_of_the_first_finding_that_stops_a_run(findings: list[Finding], code: int) -> None:
    assert exit_code(findings) == code


STREAMS = ("charges", "refunds", "customers", "customer_tax_ids")


@pytest.mark.parametrize(
    ("patterns", "selected"),
    [
        (None, set()),
        ("", set()),
        ("no JSON", set()),
        ('{"charges": 1}', set()),
        ('["*.*"]', set(STREAMS)),
        ('["charges.*", "refunds.*"]', {"charges", "refunds"}),
        ('["charges.id", "!charges.description"]', {"charges"}),
        ('["*.*", "!customer*.*"]', {"charges", "refunds"}),
        ('["*", "!refunds"]', {"charges", "customers", "customer_tax_ids"}),
    ],
)
def test_meltanos_patterns_say_which_streams_are_selected(patterns: str | None, selected: set[str]) -> None:
    assert select_streams(patterns, STREAMS) == selected
