from __future__ import annotations

import pytest

from stripe_flow.api.connection import Connection, Mode, parse_api_key
from stripe_flow.api.errors import Misconfigured


@pytest.mark.parametrize(
    ("text", "is_restricted", "mode"),
    [
        ("sk_test_abc", False, Mode.TEST),
        ("sk_live_abc", False, Mode.LIVE),
        ("rk_test_abc", True, Mode.TEST),
        ("rk_live_abc", True, Mode.LIVE),
        ("  sk_test_abc\n", False, Mode.TEST),
    ],
)
def test_the_prefix_of_a_key_gives_its_kind_and_mode(text: str, *, is_restricted: bool, mode: Mode) -> None:
    key = parse_api_key(text)

    assert (key.secret, key.is_restricted, key.mode) == (text.strip(), is_restricted, mode)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "missing"),
        ("", "missing"),
        ("   ", "missing"),
        (7, "missing"),
        ("sk_tset_canary0123", "does not look like"),
        ("sk_test_", "does not look like"),
        ("sk_test_canary 0123", "does not look like"),
        ("pk_test_canary0123", "publishable"),
        ("whsec_canary0123", "does not look like"),
    ],
)
def test_a_wrong_key_is_refused_without_being_shown(text: object, reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason) as caught:
        parse_api_key(text)

    assert "canary" not in str(caught.value)
    assert "api_key" in str(caught.value)


def test_a_key_does_not_show_in_its_connection() -> None:
    connection = Connection(key=parse_api_key("sk_test_canary0123"))

    assert "canary" not in f"{connection!r} {connection.key}"


@pytest.mark.parametrize(
    "url",
    ["https://api.stripe.com", "https://api.stripe.com/", "http://127.0.0.1:80", "http://localhost", "http://[::1]:9"],
)
def test_https_and_loopback_are_accepted(url: str) -> None:
    assert Connection(key=parse_api_key("sk_test_1"), base_url=url).base_url == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.stripe.com", "clear text"),
        ("http://127.0.0.1.example.com", "clear text"),
        ("http://10.0.0.1", "clear text"),
        ("http://localhost.example.com", "clear text"),
        ("ftp://127.0.0.1", "scheme"),
        ("api.stripe.com", "scheme"),
        ("https://", "scheme"),
        ("https://api.stripe.com/v1", "scheme, host and port only"),
        ("https://api.stripe.com?x=1", "scheme, host and port only"),
        ("https://sk_test_canary@api.stripe.com", "user name"),
        ("me:canary@api.stripe.com", "user name"),
        ("me:canary@api.stripe.com/v1", "user name"),
        ("https://api.stripe.com:notaport", "not a URL"),
    ],
)
def test_an_address_that_could_leak_the_key_is_refused(url: str, reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason) as caught:
        Connection(key=parse_api_key("sk_test_1"), base_url=url)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("version", ["", "endive", "2026", "2026-10-28.endive\nX: y", "٢٠٢٦-10-28"])
def test_an_invalid_version_is_refused(version: str) -> None:
    with pytest.raises(Misconfigured, match="api_version"):
        Connection(key=parse_api_key("sk_test_1"), api_version=version)


@pytest.mark.parametrize("account", ["", "self", "cus_1", "acct_1\r\nX: y", "acct_é"])
def test_an_invalid_account_is_refused(account: str) -> None:
    with pytest.raises(Misconfigured, match="acct_"):
        Connection(key=parse_api_key("sk_test_1"), account=account)
