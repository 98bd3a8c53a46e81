"""The checks that a tap and a target share: settings, key, network, account, time, pace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from stripe_flow.api.connection import Connection, Mode
from stripe_flow.api.errors import StripeError, StripeUnreachable
from stripe_flow.api.settings import STRIPES_ENDPOINT_PER_S, STRIPES_TOTAL_PER_S, rates
from stripe_flow_cli.doctor.connection_under_test import PluginUnderTest, answers_to_key
from stripe_flow_cli.doctor.findings import Finding, ok, stops, unsure

# Dates are whole seconds, and an answer takes its time. Beyond this a clock is wrong.
CLOCK_S = 30
# What one thread at a time could do is a nuisance beyond this; Stripe's own answers take a third of it.
SLOW_S = 1.0

Either = PluginUnderTest[Any]  # Any: of a tap or of a target


def read_settings(plugin_under_test: Either) -> Sequence[str]:
    """Variables of the environment that are none. Raises Misconfigured for what is wrong with the settings."""
    _ = plugin_under_test.client  # what only code can check
    plugin_under_test.check_settings()
    return plugin_under_test.mistyped_variables()


def judge_settings(mistyped: Sequence[str]) -> Iterator[Finding]:
    yield ok("all are known and valid")
    yield from map(unsure, mistyped)


def judge_key(connection: Connection) -> Iterator[Finding]:
    kind = "a restricted key" if connection.key.is_restricted else "a secret key"
    mode = connection.key.mode.value
    yield ok(f"{kind} of {mode} mode: objects of the other mode do not exist for it")
    if not connection.key.is_restricted and connection.key.mode is Mode.LIVE:
        yield unsure("a secret key may do everything: a restricted one, with the rights that are used, is safer")


@dataclass(frozen=True, kw_only=True)
class Line:
    base_url: str
    proxy: str | None
    account: str | None
    error: StripeError | None


def reach(plugin_under_test: Either) -> Line:
    connection, proxy = plugin_under_test.client.connection, plugin_under_test.client.transport.proxy
    error: StripeError | None
    try:
        error = plugin_under_test.reply.error
    except StripeUnreachable as unreachable:
        error = unreachable
    return Line(base_url=connection.base_url, proxy=proxy, account=connection.account, error=error)


def judge_line(line: Line) -> Iterator[Finding]:
    way = f", through the proxy {line.proxy}" if line.proxy else ""
    if isinstance(line.error, StripeUnreachable):
        told = (
            f". Requests go through the proxy {line.proxy}, which the environment names (HTTPS_PROXY)"
            if line.proxy
            else ""
        )
        yield stops(f"{line.error}{told}", line.error.exit_code)
    elif line.error is not None and not answers_to_key(line.error):
        yield stops(f"the key may not act for the account {line.account}: {line.error}", line.error.exit_code)
    else:
        yield ok(f"{line.base_url} answers, and takes the key{way}")


@dataclass(frozen=True, kw_only=True)
class Clocks:
    stripe_unix: int | None
    here_unix: float


def read_clocks(plugin_under_test: Either) -> Clocks:
    return Clocks(stripe_unix=plugin_under_test.reply.date_unix, here_unix=plugin_under_test.reply.here_unix)


def judge_clocks(clocks: Clocks) -> Iterator[Finding]:
    if clocks.stripe_unix is None:
        yield unsure("the answer had no Date: look at what stands between this machine and Stripe")
        return
    ahead_s = clocks.here_unix - clocks.stripe_unix
    if abs(ahead_s) <= CLOCK_S:
        yield ok(f"this machine's and Stripe's differ by less than {CLOCK_S} s")
        return
    way = "ahead of" if ahead_s > 0 else "behind"
    yield unsure(
        f"this machine's is {abs(ahead_s):.0f} s {way} Stripe's. Runs go by Stripe's, so nothing is lost; set it all "
        "the same, for certificates and logs go by this one"
    )


@dataclass(frozen=True, kw_only=True)
class Samples:
    asked: str
    answered: frozenset[str]
    took_s: Sequence[float]


def read_samples(plugin_under_test: Either) -> Samples:
    return Samples(
        asked=plugin_under_test.client.connection.api_version,
        answered=frozenset(each.api_version for each in plugin_under_test.samples if each.api_version),
        took_s=[each.took_s for each in plugin_under_test.samples],
    )


def judge_version(samples: Samples) -> Iterator[Finding]:
    others = samples.answered - {samples.asked}
    if others:
        yield unsure(
            f"{samples.asked} is asked for, and the answer is in {', '.join(sorted(others))}: check the setting "
            "api_version"
        )
    elif samples.answered:
        yield ok(f"{samples.asked} is asked for, and answered in")
    else:
        yield unsure(f"{samples.asked} is asked for; nothing is known that the key may read, and that would tell")


def judge_latency(samples: Samples) -> Iterator[Finding]:
    if not samples.took_s:
        yield unsure("not measured: nothing is known that the key may read")
        return
    middle_s = median(samples.took_s)
    words = f"{middle_s * 1000:.0f} ms for a small read, the median of {len(samples.took_s)}"
    if middle_s < SLOW_S:
        yield ok(words)
    else:
        yield unsure(f"{words}: that is slow; a run from a place nearer to Stripe would be faster")


@dataclass(frozen=True, kw_only=True)
class Pace:
    per_endpoint: float
    total: float
    mode: Mode
    is_loopback: bool


def read_pace(plugin_under_test: Either) -> Pace:
    connection = plugin_under_test.client.connection
    per_endpoint, total = rates(plugin_under_test.config, connection)
    mode, is_loopback = connection.key.mode, connection.is_loopback
    return Pace(per_endpoint=per_endpoint, total=total, mode=mode, is_loopback=is_loopback)


def judge_pace(pace: Pace) -> Iterator[Finding]:
    most = STRIPES_TOTAL_PER_S[pace.mode]
    stripes = (
        f"Stripe allows {STRIPES_ENDPOINT_PER_S} and {most} in {pace.mode.value} mode, to all that use the account"
    )
    if 0 in {pace.per_endpoint, pace.total}:
        yield ok(f"no pacing, which is for a sandbox on this machine; {stripes}")
        return
    ours = f"{pace.per_endpoint:g} requests a second to one endpoint and {pace.total:g} in all"
    if pace.per_endpoint > STRIPES_ENDPOINT_PER_S or pace.total > most:
        yield unsure(
            f"the settings say {ours}; {stripes}: Stripe will refuse the rest for a moment each. Lower "
            "max_requests_per_second and max_requests_per_second_total"
        )
    else:
        yield ok(f"{ours}; {stripes}")


def read_connection(plugin_under_test: Either) -> Connection:
    return plugin_under_test.client.connection
