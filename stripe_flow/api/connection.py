"""Who asks: the key, on behalf of which account, in which version, at which address.

A key is looked at here and nowhere else. What is wrong with it is said without showing it, since a mistyped key is
still most of a secret.
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
# ASCII: these become headers, which carry nothing else.
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", re.ASCII)
_ACCOUNT = re.compile(r"acct_\w+", re.ASCII)


class Mode(enum.Enum):
    """Test objects are invisible to live keys and the other way round."""

    TEST = "test"
    LIVE = "live"


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A secret (`sk_`) or restricted (`rk_`) key. The secret is in no representation of it."""

    secret: str = field(repr=False)
    is_restricted: bool
    mode: Mode


def parse_api_key(text: object) -> ApiKey:
    """The key of the setting `api_key`; raises Misconfigured, never quoting what was given.

    https://docs.stripe.com/keys
    """
    if not isinstance(text, str) or not text.strip():
        raise Misconfigured(f"setting api_key is missing: give a Stripe key, one of {_KEY_FORMS}")
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise Misconfigured(
            f"setting api_key does not look like a Stripe key: expected {_KEY_FORMS}; it is not shown here. "
            "Copy it again from the Stripe dashboard, Developers, API keys"
        )
    if found["kind"] == "pk":
        raise Misconfigured(
            "setting api_key holds a publishable key (pk_…), which may neither read nor create what is needed here: "
            f"give a secret or, better, a restricted key, one of {_KEY_FORMS}"
        )
    return ApiKey(secret=found[0], is_restricted=found["kind"] == "rk", mode=Mode(found["mode"]))


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine, so that a key in clear text cannot be overheard."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(base_url: object, api_key: object) -> str:
    """`https://api.stripe.com, test mode` for a log, whatever the settings hold; nothing else of them is shown."""
    where = _origin(BASE_URL if base_url is None else str(base_url)) or "an address that is none"
    try:
        return f"{where}, {parse_api_key(api_key).mode.value} mode"
    except Misconfigured:
        return f"{where}, without a usable key"


def _origin(url: str) -> str:
    """Scheme, host and port; empty where it is no URL."""
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
    """Everything that identifies the asker; raises Misconfigured when it is made with a wrong part."""

    key: ApiKey
    api_version: str = API_VERSION
    base_url: str = BASE_URL
    account: str | None = None

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.api_version):
            raise Misconfigured(f"setting api_version must look like {API_VERSION}, not {self.api_version!r}")
        if self.account is not None and not _ACCOUNT.fullmatch(self.account):
            raise Misconfigured(
                f"an account must look like acct_…, not {self.account!r}: mend the setting that names it (account_id, "
                "account_ids or customer_ids); its id is in the Stripe dashboard, Settings, Account details"
            )
        _check_base_url(self.base_url)

    @property
    def is_loopback(self) -> bool:
        return is_loopback(urlsplit(self.base_url).hostname or "")


def _check_base_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured(f"setting base_url is not a URL; the usual value is {BASE_URL}") from None
    if parts.username or parts.password:
        raise Misconfigured("setting base_url must not carry a user name or password: the key is in api_key")
    if parts.scheme not in {"http", "https"} or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise Misconfigured(f"setting base_url must be scheme, host and port only, like {BASE_URL}, not {url!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise Misconfigured(
            f"setting base_url is {url!r}, and plain http would send the key in clear text over the network: "
            "use https (http is allowed only to this machine, for the sandbox)"
        )
