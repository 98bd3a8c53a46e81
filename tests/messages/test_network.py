"""What stands between this machine and Stripe: the real thing, and what is said of it."""

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

CLOSED = "http://127.0.0.1:9"  # nothing listens to the discard port
SOON = {"give_up_after_s": 0.3, "timeout_s": 5}
# Without a word to Stripe itself: the name is resolved by the proxy, or is none.
STRIPE: Message = {"api_key": "sk_test_canary01", "base_url": "https://stripe.invalid"} | SOON
NEXT = ".* Check the network, the proxy and the setting base_url, then run again: nothing is lost$"
GIVEN = b"".join(
    json.dumps(each).encode() + b"\n" for each in (a_schema("customers"), a_record("customers", id=1, name="Canary"))
)


def proxied(url: str) -> dict[str, str]:
    return dict.fromkeys(("HTTPS_PROXY", "https_proxy"), url) | dict.fromkeys(("NO_PROXY", "no_proxy"), "")


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where Stripe is said to be, through what, and what is said."""

    said: str
    code: int = 4
    settings: Message = field(default_factory=lambda: STRIPE)
    env: dict[str, str] = field(default_factory=dict)


def assert_told(plugin: str, way: Way, folder: Path) -> None:
    done = run(command(plugin, folder, way.settings), folder, GIVEN, LOGLEVEL="DEBUG", **way.env)

    assert done.code == way.code, done.log
    assert_says(way.said, done.errors[0])
    assert len(set(done.errors)) == len([each for each in done.errors if " failed, its state stays" in each] or [0])
    assert_clean(done.log + done.output)
    assert '"RECORD"' not in done.output


WAYS = {
    "a name that is none": Way(said=f"Stripe at https://stripe.invalid .*could not be resolved{NEXT}"),
    "nobody there": Way(said=f"at {CLOSED} .*: connection refused{NEXT}", settings=a_config(CLOSED, **SOON)),
    "a closed proxy": Way(
        said=f"the proxy that HTTPS_PROXY names failed .connection refused{NEXT}", env=proxied(CLOSED)
    ),
    "a proxy that is none": Way(
        said=f"proxy that HTTPS_PROXY names failed .the host name could not be resolved{NEXT}",
        env=proxied("http://canary:canary@proxy.invalid:3128"),
    ),
    "a proxy of another kind": Way(
        said="HTTPS_PROXY .* must look like http://host:port", code=1, env=proxied("socks5://canary@127.0.0.1:9")
    ),
    "a proxy that is no URL": Way(said="HTTPS_PROXY .* must look like", code=1, env=proxied("http://u:canary@:x")),
    "certificates that are not there": Way(
        said="certificates to trust, /no/such.pem, are not there: correct .*REQUESTS_CA_BUNDLE",
        code=1,
        env={"REQUESTS_CA_BUNDLE": "/no/such.pem"},
    ),
}


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_way_that_leads_nowhere_is_one_clear_line(way: Way, plugin: str, tmp_path: Path) -> None:
    assert_told(plugin, way, tmp_path)


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("scheme", "said"),
    [("https", "TLS failed: the certificate is not trusted .*REQUESTS_CA_BUNDLE"), ("http", "reset by peer|broke")],
)
def test_a_certificate_that_nobody_trusts_is_one_clear_line(
    *, scheme: str, said: str, plugin: str, tmp_path: Path
) -> None:
    with a_tls_server(tmp_path) as url:
        there = url.replace("https", scheme)

        assert_told(
            plugin, Way(said=f"Stripe at {there} .*: .*({said}){NEXT}", settings=a_config(there, **SOON)), tmp_path
        )


@contextmanager
def a_peer(turn: Turn) -> Iterator[str]:
    with Peer([turn], check=turn) as peer:
        yield peer.url


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("status", "said"), [(407, "it answered HTTP 407: it wants a user and a password"), (403, "it answered HTTP 403")]
)
def test_a_proxy_that_refuses_is_one_clear_line(status: int, said: str, plugin: str, tmp_path: Path) -> None:
    with a_peer(answer(status, "<html>canary")) as url:
        proxy = proxied(url.replace("//", "//canary:canary@"))

        assert_told(plugin, Way(said=rf"proxy that HTTPS_PROXY names failed \({said}\){NEXT}", env=proxy), tmp_path)


# What else may answer in Stripe's place: the tap and the target ask for different things, and are told the same.
OTHERS: dict[str, tuple[Turn, str]] = {
    "a page": (answer(200, "<html>canary"), f"the answer is not Stripe's JSON, or was cut{NEXT}"),
    "a page that says no": (answer(400, "<html>canary"), f"HTTP 400 without Stripe's error object{NEXT}"),
    "a page that is nowhere": (answer(404, "<html>canary"), f"HTTP 404 without Stripe's error object{NEXT}"),
    "a page that forbids": (
        answer(403, "<html>canary"),
        r"refused, and not in Stripe's words \(HTTP 403\). Check the proxy and the setting base_url",
    ),
    "a page that asks for a password": (
        answer(401, "<html>canary"),
        r"refused, and not in Stripe's words \(HTTP 401\). Check the proxy and the setting base_url",
    ),
    "a page of a broken proxy": (answer(502, "<html>canary"), "Stripe answered HTTP 502 for .* Run again later"),
    "a list": (answer(200, "[]"), f"the answer is not Stripe's JSON, or was cut{NEXT}"),
    "JSON of something else": (answer(200, '{"canary": 1}'), "not Stripe's.*[Cc]heck the .*setting base_url"),
    "a redirect": (
        answer(302, "", Location="https://canary.example"),
        r"a redirect, which Stripe never does \(HTTP 302\). Check the setting base_url",
    ),
    "nothing": (Cut(), f"the connection broke{NEXT}"),
    "half a head": (Cut(said=answer(200)[:20]), f"cut|broke{NEXT}"),
    "half a body": (Cut(said=answer(200, '{"object": "list"}')[:-3]), f"the answer was cut off{NEXT}"),
}


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_an_answer_that_is_not_stripes_is_one_clear_line(other: tuple[Turn, str], plugin: str, tmp_path: Path) -> None:
    turn, said = other
    with a_peer(turn) as url:
        assert_told(plugin, Way(said=said, settings=a_config(url, **SOON)), tmp_path)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_an_answer_that_never_ends_is_one_clear_line(plugin: str, tmp_path: Path) -> None:
    with a_peer(Drip(said=b"HTTP/1.1 200 OK\r\ncanary")) as url:
        settings = a_config(url, **SOON) | {"timeout_s": 0.5}

        assert_told(plugin, Way(said=f"no whole answer within 0.5 s{NEXT}", settings=settings), tmp_path)


def test_a_look_for_an_address_is_in_no_log(tmp_path: Path) -> None:
    """At the level of debugging, too: the client below ours would log whole URLs."""
    found = answer(200, '{"object": "list", "data": [], "has_more": false}')
    with Peer([found, Cut()], check=answer(200, '{"id": "acct_1"}')) as peer:
        settings = a_config(peer.url, **SOON, match_customers_by="email")
        lines = [a_schema("customers"), a_record("customers", id=1, email="canary@example.com")]
        given = b"".join(json.dumps(each).encode() + b"\n" for each in lines)

        done = run(command("target_stripe_flow", tmp_path, settings), tmp_path, given, LOGLEVEL="DEBUG")

    assert b"canary" in peer.heard[0]
    assert done.code == 4
    assert_clean(done.log)
