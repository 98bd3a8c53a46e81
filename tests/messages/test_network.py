"""The messages about the network between this machine and Stripe, provoked with real proxies, servers and sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.messages.saying import PLUGINS, assert_clean, assert_says
from tests.messages.surroundings import a_tls_server
from tests.support.plugins import Message, a_config, a_record, a_schema, command, run
from tests.support.wire import Cut, Drip, Peer, Turn, answer

CLOSED = "http://127.0.0.1:9"  # nothing listens on the discard port
SOON = {"give_up_after_s": 0.3, "timeout_s": 5}
# No request reaches Stripe: the name does not exist, unless a proxy resolves it.
STRIPE: Message = {"api_key": "sk_test_canary01", "base_url": "https://stripe.invalid"} | SOON
NEXT = ".* Check the network, the proxy and the setting base_url, then run again: nothing is lost$"
LINES = b"".join(
    json.dumps(each).encode() + b"\n" for each in (a_schema("customers"), a_record("customers", id=1, name="Canary"))
)


def proxied(url: str) -> dict[str, str]:
    return dict.fromkeys(("HTTPS_PROXY", "https_proxy"), url) | dict.fromkeys(("NO_PROXY", "no_proxy"), "")


@dataclass(frozen=True, kw_only=True)
class Network:
    """Settings and environment of a run, and the expected message and exit code."""

    message: str
    code: int = 4
    settings: Message = field(default_factory=lambda: STRIPE)
    env: dict[str, str] = field(default_factory=dict)


def assert_message(plugin: str, network: Network, folder: Path) -> None:
    done = run(command(plugin, folder, network.settings), folder, LINES, LOGLEVEL="DEBUG", **network.env)

    assert done.code == network.code, done.log
    assert_says(network.message, done.errors[0])
    assert len(set(done.errors)) == len([each for each in done.errors if " failed, its state is" in each] or [0])
    assert_clean(done.log + done.output)
    assert '"RECORD"' not in done.output


NETWORKS = {
    "an unknown host name": Network(message=f"Stripe at https://stripe.invalid .*could not be resolved{NEXT}"),
    "a closed port": Network(message=f"at {CLOSED} .*: connection refused{NEXT}", settings=a_config(CLOSED, **SOON)),
    "a closed proxy": Network(
        message=f"the proxy that HTTPS_PROXY names failed .connection refused{NEXT}", env=proxied(CLOSED)
    ),
    "an unknown proxy": Network(
        message=f"proxy that HTTPS_PROXY names failed .the host name could not be resolved{NEXT}",
        env=proxied("http://canary:canary@proxy.invalid:3128"),
    ),
    "a proxy of another kind": Network(
        message="HTTPS_PROXY .* must look like http://host:port", code=1, env=proxied("socks5://canary@127.0.0.1:9")
    ),
    "a proxy that is not a URL": Network(
        message="HTTPS_PROXY .* must look like", code=1, env=proxied("http://u:canary@:x")
    ),
    "missing certificates": Network(
        message="trusted certificates at /no/such.pem do not exist: correct .*REQUESTS_CA_BUNDLE",
        code=1,
        env={"REQUESTS_CA_BUNDLE": "/no/such.pem"},
    ),
}


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_an_unreachable_stripe_is_one_clear_line(network: Network, plugin: str, tmp_path: Path) -> None:
    assert_message(plugin, network, tmp_path)


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("scheme", "message"),
    [("https", "TLS failed: the certificate is not trusted .*REQUESTS_CA_BUNDLE"), ("http", "reset by peer|broke")],
)
def test_an_untrusted_certificate_is_one_clear_line(*, scheme: str, message: str, plugin: str, tmp_path: Path) -> None:
    with a_tls_server(tmp_path) as url:
        address = url.replace("https", scheme)

        assert_message(
            plugin,
            Network(message=f"Stripe at {address} .*: .*({message}){NEXT}", settings=a_config(address, **SOON)),
            tmp_path,
        )


@contextmanager
def a_peer(turn: Turn) -> Iterator[str]:
    with Peer([turn], check=turn) as peer:
        yield peer.url


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("status", "message"),
    [(407, "it answered HTTP 407: it requires a user and a password"), (403, "it answered HTTP 403")],
)
def test_a_proxy_that_refuses_is_one_clear_line(status: int, message: str, plugin: str, tmp_path: Path) -> None:
    with a_peer(answer(status, "<html>canary")) as url:
        proxy = proxied(url.replace("//", "//canary:canary@"))

        assert_message(
            plugin, Network(message=rf"proxy that HTTPS_PROXY names failed \({message}\){NEXT}", env=proxy), tmp_path
        )


# Answers that are not Stripe's. The tap and the target send different requests and log the same message.
OTHERS: dict[str, tuple[Turn, str]] = {
    "a page": (answer(200, "<html>canary"), f"the answer is not Stripe's JSON, or was cut off{NEXT}"),
    "a page with status 400": (answer(400, "<html>canary"), f"HTTP 400 without Stripe's error object{NEXT}"),
    "a page with status 404": (answer(404, "<html>canary"), f"HTTP 404 without Stripe's error object{NEXT}"),
    "a page with status 403": (
        answer(403, "<html>canary"),
        r"refused the request, and the answer is not Stripe's \(HTTP 403\). Check the proxy and the setting base_url",
    ),
    "a page with status 401": (
        answer(401, "<html>canary"),
        r"refused the request, and the answer is not Stripe's \(HTTP 401\). Check the proxy and the setting base_url",
    ),
    "a page with status 502": (answer(502, "<html>canary"), "Stripe answered HTTP 502 for .* Run again later"),
    "a list": (
        answer(200, "[]"),
        "so it is not Stripe's: check the setting base_url|the answer is not Stripe's JSON, or was cut off" + NEXT,
    ),
    "another JSON object": (answer(200, '{"canary": 1}'), "(not Stripe's|has no id).*[Cc]heck the .*setting base_url"),
    "a redirect": (
        answer(302, "", Location="https://canary.example"),
        r"a redirect, which Stripe never does \(HTTP 302\). Check the setting base_url",
    ),
    "no answer": (Cut(), f"the connection broke{NEXT}"),
    "half of the headers": (Cut(said=answer(200)[:20]), f"cut|broke{NEXT}"),
    "half of the body": (Cut(said=answer(200, '{"object": "list"}')[:-3]), f"the answer was cut off{NEXT}"),
}

WHOLE = [OTHERS[name][0] for name in ("a list", "another JSON object")]


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_an_answer_that_is_not_stripes_is_one_clear_line(other: tuple[Turn, str], plugin: str, tmp_path: Path) -> None:
    turn, message = other
    # The tap gives up whole JSON at once, for one stream after the other.
    code = 2 if plugin == "tap_stripe_flow" and turn in WHOLE else 4
    with a_peer(turn) as url:
        assert_message(plugin, Network(message=message, code=code, settings=a_config(url, **SOON)), tmp_path)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_an_answer_that_never_ends_is_one_clear_line(plugin: str, tmp_path: Path) -> None:
    with a_peer(Drip(said=b"HTTP/1.1 200 OK\r\ncanary")) as url:
        settings = a_config(url, **SOON) | {"timeout_s": 0.5}

        assert_message(plugin, Network(message=f"no whole answer within 0.5 s{NEXT}", settings=settings), tmp_path)


def test_the_email_of_a_customer_search_is_in_no_log(tmp_path: Path) -> None:
    """Also at level DEBUG: urllib3 would log whole URLs."""
    empty_list = answer(200, '{"object": "list", "data": [], "has_more": false}')
    with Peer([empty_list, Cut()], check=answer(200, '{"id": "acct_1"}')) as peer:
        settings = a_config(peer.url, **SOON, match_customers_by="email")
        lines = [a_schema("customers"), a_record("customers", id=1, email="canary@example.com")]
        messages = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

        done = run(command("target_stripe_flow", tmp_path, settings), tmp_path, messages, LOGLEVEL="DEBUG")

    assert b"canary" in peer.heard[0]
    assert done.code == 4
    assert_clean(done.log)
