"""Which Stripe, which key, which account and which API version a request is sent with.

Only this module parses keys. Its messages never show a key: a mistyped key is still most of a secret.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stripe_flow.api.errors import Misconfigured

API_VERSION = "2026-10-28.endive"
BASE_URL = "https://api.stripe.com"

_KEY = re.compile(r"(?P<kind>sk|rk|pk)_(?P<mode>test|live)_[A-Za-z0-9_]+")
_KEY_FORMS = "sk_test_…, sk_live_…, rk_test_… or rk_live_…"
# HTTP headers carry only ASCII, and these two are sent in headers.
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", re.ASCII)
_ACCOUNT = re.compile(r"acct_\w+", re.ASCII)


class Mode(enum.Enum):
    """Test or live. A test key cannot see live objects, and a live key cannot see test objects."""

    TEST = "test"
    LIVE = "live"


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A secret (`sk_`) or restricted (`rk_`) key. Its `repr` does not show the secret."""

    secret: str = field(repr=False)
    is_restricted: bool
    mode: Mode


def parse_api_key(text: object) -> ApiKey:
    """The key in the setting `api_key`. Raises Misconfigured, without quoting the value, when it is not one.

    https://docs.stripe.com/keys
    """
    if not isinstance(text, str) or not text.strip():
        raise Misconfigured(f"setting api_key is missing: set it to a Stripe key, one of {_KEY_FORMS}")
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise Misconfigured(
            f"setting api_key does not look like a Stripe key: expected {_KEY_FORMS}; it is not shown here. "
            "Copy it again from the Stripe dashboard, Developers, API keys"
        )
    if match["kind"] == "pk":
        raise Misconfigured(
            "setting api_key holds a publishable key (pk_…), which cannot read or create the objects of this plugin: "
            f"use a secret or, better, a restricted key, one of {_KEY_FORMS}"
        )
    return ApiKey(secret=match[0], is_restricted=match["kind"] == "rk", mode=Mode(match["mode"]))


def is_loopback(host: str) -> bool:
    """Whether `host` is certainly this machine, so that nobody can overhear a key in clear text."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def describe_address(base_url: object, api_key: object) -> str:
    """`https://api.stripe.com, test mode`, for a log; accepts unchecked settings and shows nothing else of them."""
    origin = _origin(BASE_URL if base_url is None else str(base_url)) or "an invalid address"
    try:
        return f"{origin}, {parse_api_key(api_key).mode.value} mode"
    except Misconfigured:
        return f"{origin}, without a usable key"


def _origin(url: str) -> str:
    """Scheme, host and port; empty if `url` is not an HTTP URL."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The key, API version, address and account of requests. Raises Misconfigured when one of them is not valid."""

    key: ApiKey
    api_version: str = API_VERSION
    base_url: str = BASE_URL
    account: str | None = None

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.api_version):
            raise Misconfigured(f"setting api_version must look like {API_VERSION}, not {self.api_version!r}")
        if self.account is not None:
            check_account_id(self.account)
        _check_base_url(self.base_url)

    @property
    def is_loopback(self) -> bool:
        """Whether `base_url` is an address of this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def check_account_id(text: str) -> None:
    """Raise Misconfigured unless this can be the id of an account, which requests send in a header."""
    if not _ACCOUNT.fullmatch(text):
        raise Misconfigured(
            f"an account must look like acct_…, not {text!r}: correct it in the setting account_id, account_ids or "
            "customer_ids; its id is in the Stripe dashboard, Settings, Account details"
        )


def _check_base_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured(f"setting base_url is not a URL; the usual value is {BASE_URL}") from None
    if parts.username or parts.password or "@" in url:  # without a scheme they are no parts
        raise Misconfigured(
            "setting base_url must not carry a user name or password: remove them, and set the key in api_key"
        )
    if parts.scheme not in {"http", "https"} or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise Misconfigured(f"setting base_url must be scheme, host and port only, like {BASE_URL}, not {url!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise Misconfigured(
            f"setting base_url is {url!r}, and plain http would send the key in clear text over the network: "
            "use https (http is allowed only to this machine, for the sandbox)"
        )
