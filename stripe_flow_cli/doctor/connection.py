"""The checks that a tap and a target share: settings, key, network, clock, version, latency, request rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from stripe_flow.api.connection import Connection, Mode
from stripe_flow.api.errors import StripeError, StripeUnreachable
from stripe_flow.api.settings import STRIPES_ENDPOINT_PER_S, STRIPES_TOTAL_PER_S, rates
from stripe_flow_cli.doctor.connection_under_test import PluginUnderTest, may_use_account
from stripe_flow_cli.doctor.findings import Finding, ok, stops, warns

# A Date header has whole seconds, and an answer takes time. A larger difference means that a clock is wrong.
CLOCK_S = 30
# Above this a run that reads one page at a time is slow; Stripe's own answers take about a third of it.
SLOW_S = 1.0

AnyPlugin = PluginUnderTest[Any]  # Any: the tap or the target


def read_settings(plugin_under_test: AnyPlugin) -> Sequence[str]:
    """Messages about mistyped environment variables. Raises Misconfigured for settings that a run refuses."""
    _ = plugin_under_test.client  # checks the settings that the JSON schema cannot check
    plugin_under_test.check_settings()
    return plugin_under_test.mistyped_variables()


def judge_settings(mistyped: Sequence[str]) -> Iterator[Finding]:
    yield ok("all are known and valid")
    yield from map(warns, mistyped)


def read_connection(plugin_under_test: AnyPlugin) -> Connection:
    """The key and address of the settings."""
    return plugin_under_test.client.connection


def judge_key(connection: Connection) -> Iterator[Finding]:
    kind = "a restricted key" if connection.key.is_restricted else "a secret key"
    mode = connection.key.mode.value
    yield ok(f"{kind} of {mode} mode: it cannot read objects of the other mode")
    if not connection.key.is_restricted and connection.key.mode is Mode.LIVE:
        yield warns("a secret key has every permission: a restricted key with the permissions of the run is safer")


@dataclass(frozen=True, kw_only=True)
class ConnectionFacts:
    """The address of the requests, and the error of the first one; None where Stripe answered it."""

    base_url: str
    proxy: str | None
    account: str | None
    error: StripeError | None


def try_connection(plugin_under_test: AnyPlugin) -> ConnectionFacts:
    """Facts from the first request. Raises StripeError if Stripe does not accept the key."""
    connection, proxy = plugin_under_test.client.connection, plugin_under_test.client.transport.proxy
    error: StripeError | None
    try:
        error = plugin_under_test.reply.error
    except StripeUnreachable as unreachable:
        error = unreachable
    return ConnectionFacts(base_url=connection.base_url, proxy=proxy, account=connection.account, error=error)


def judge_connection(facts: ConnectionFacts) -> Iterator[Finding]:
    error = facts.error
    if isinstance(error, StripeUnreachable):
        hint = f". Requests go through the proxy {facts.proxy} (variable HTTPS_PROXY)" if facts.proxy else ""
        yield stops(f"{error}{hint}", error.exit_code)
    elif error is not None and not may_use_account(error):
        yield stops(f"the key has no access to the account {facts.account}: {error}", error.exit_code)
    else:
        route = f", through the proxy {facts.proxy}" if facts.proxy else ""
        yield ok(f"{facts.base_url} answers and accepts the key{route}")


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """The time of Stripe's answer by both clocks; `stripe_unix` is None where the answer had no Date."""

    stripe_unix: int | None
    here_unix: float


def read_clocks(plugin_under_test: AnyPlugin) -> Clocks:
    """Both clocks at the first answer."""
    return Clocks(stripe_unix=plugin_under_test.reply.date_unix, here_unix=plugin_under_test.reply.here_unix)


def judge_clocks(clocks: Clocks) -> Iterator[Finding]:
    if clocks.stripe_unix is None:
        yield warns("the answer had no Date header: check the proxies between this machine and Stripe")
        return
    ahead_s = clocks.here_unix - clocks.stripe_unix
    if abs(ahead_s) <= CLOCK_S:
        yield ok(f"this machine's clock and Stripe's differ by less than {CLOCK_S} s")
        return
    direction = "ahead of" if ahead_s > 0 else "behind"
    yield warns(
        f"this machine's clock is {abs(ahead_s):.0f} s {direction} Stripe's. Runs use Stripe's clock, so they lose no "
        "records; set this machine's clock, because certificates and logs depend on it"
    )


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The API version that was asked for, the versions of the answers, and the seconds that each answer took."""

    asked: str
    answered: frozenset[str]
    took_s: Sequence[float]


def read_samples(plugin_under_test: AnyPlugin) -> Samples:
    """Versions and durations of a few small reads."""
    samples = plugin_under_test.samples
    return Samples(
        asked=plugin_under_test.client.connection.api_version,
        answered=frozenset(answer.api_version for answer in samples if answer.api_version),
        took_s=[answer.took_s for answer in samples],
    )


def judge_version(samples: Samples) -> Iterator[Finding]:
    others = samples.answered - {samples.asked}
    if others:
        yield warns(f"asked for {samples.asked}, answered in {', '.join(sorted(others))}: check setting api_version")
    elif samples.answered:
        yield ok(f"asked for {samples.asked}, answered in the same")
    else:
        yield warns(f"asked for {samples.asked}; not checked, because the doctor knows nothing that the key may read")


def judge_latency(samples: Samples) -> Iterator[Finding]:
    if not samples.took_s:
        yield warns("not measured, because the doctor knows nothing that the key may read")
        return
    median_s = median(samples.took_s)
    words = f"{median_s * 1000:.0f} ms for a small read, the median of {len(samples.took_s)}"
    if median_s < SLOW_S:
        yield ok(words)
    else:
        yield warns(f"{words}: this is slow; run on a machine nearer to Stripe")


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """The limits of the settings in requests per second; 0 for no limit."""

    per_endpoint: float
    total: float
    mode: Mode


def read_throttle(plugin_under_test: AnyPlugin) -> Throttle:
    """The limits that a run would use."""
    connection = plugin_under_test.client.connection
    per_endpoint, total = rates(plugin_under_test.config, connection)
    return Throttle(per_endpoint=per_endpoint, total=total, mode=connection.key.mode)


def judge_throttle(throttle: Throttle) -> Iterator[Finding]:
    most = STRIPES_TOTAL_PER_S[throttle.mode]
    limits = f"{STRIPES_ENDPOINT_PER_S} and {most} in {throttle.mode.value} mode"
    stripes = f"Stripe allows {limits}, to all clients of the account"
    if 0 in {throttle.per_endpoint, throttle.total}:
        yield ok(f"requests are not throttled, which is for a sandbox on this machine; {stripes}")
        return
    ours = f"{throttle.per_endpoint:g} requests per second to one endpoint and {throttle.total:g} in total"
    if throttle.per_endpoint > STRIPES_ENDPOINT_PER_S or throttle.total > most:
        yield warns(
            f"the settings allow {ours}; {stripes}, and refuses more: lower max_requests_per_second and "
            "max_requests_per_second_total"
        )
    else:
        yield ok(f"{ours}; {stripes}")
