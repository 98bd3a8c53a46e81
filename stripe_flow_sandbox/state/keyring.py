"""API keys, their accounts, modes and rights; https://docs.stripe.com/keys and https://docs.stripe.com/connect.

The file of `--keys` is JSON: `{"accounts": {"acct_…": {…}}, "keys": {"sk_test_…": {…}}}` with the members of
`AccountEntry` and `KeyEntry`. A key may act for every account of the file by `Stripe-Account`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.parameters.shapes import API_VERSION

PLATFORM, CONNECTED = "acct_1SandboxPlatform", "acct_1SandboxConnected"

Level = Literal["none", "read", "write"]
_RANK: Mapping[Level, int] = {"none": 0, "read": 1, "write": 2}
_PREFIXES = ("sk_test_", "sk_live_", "rk_test_", "rk_live_", "pk_test_", "pk_live_")


class AccountEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account: whether it may create charges, the version its events are written in, how much it is seeded with."""

    can_create_charges: bool = True
    api_version: str = API_VERSION
    country: str = "US"
    default_currency: str = "usd"
    charges: int | None = None
    days: int | None = None


class KeyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key: its account, and for a restricted one its rights; a resource that is not named is not allowed."""

    account: str = PLATFORM
    rights: dict[str, Level] | None = None


class KeysFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sandbox knows of the world: accounts and keys."""

    accounts: dict[str, AccountEntry] = msgspec.field(
        default_factory=lambda: {PLATFORM: AccountEntry(), CONNECTED: AccountEntry()}
    )
    keys: dict[str, KeyEntry] = msgspec.field(default_factory=dict)


class Key(msgspec.Struct, frozen=True):
    """Who is asking. Never holds the key itself, only how Stripe would show it."""

    shown: str
    account: str
    livemode: bool
    rights: Mapping[str, Level] | None

    def may(self, permission: str, level: Level) -> bool:
        return self.rights is None or _RANK[self.rights.get(permission, "none")] >= _RANK[level]


def default_keys(*, livemode: bool) -> KeysFile:
    names = ("sk_live_sandbox",) if livemode else ("sk_test_sandbox", "rk_test_sandbox")
    return KeysFile(keys={name: KeyEntry() for name in names})


def read_keys(path: Path) -> KeysFile:
    """The keys of a file. Raises ValueError, naming what is wrong but never a key."""
    described = msgspec.json.decode(path.read_bytes(), type=KeysFile)
    for key, entry in described.keys.items():
        if not key.startswith(_PREFIXES):
            raise ValueError(f"{path}: a key starts with none of {', '.join(_PREFIXES)}")
        if entry.account not in described.accounts:
            raise ValueError(f"{path}: {entry.account} of a key is not among the accounts")
    return described


class Keyring:
    """All keys that the sandbox accepts."""

    def __init__(self, described: KeysFile) -> None:
        self.accounts = described.accounts
        self._keys = {
            secret: Key(_shown(secret), entry.account, "_live_" in secret, entry.rights)
            for secret, entry in described.keys.items()
        }

    def authenticate(self, authorization: str | None) -> Key:
        """The key of an Authorization header, Basic or Bearer. Raises Refusal 401, and 403 for a publishable key."""
        secret = _secret(authorization or "")
        if not secret:
            raise invalid(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
            )
        if secret.startswith("pk_"):
            raise refuse("secret_key_required")
        if secret not in self._keys:
            raise invalid(f"Invalid API Key provided: {_shown(secret)}", status=401)
        return self._keys[secret]


def _secret(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _shown(secret: str) -> str:
    """The prefix of a key and how long it is: enough to tell two apart, nothing that could be used."""
    kind = next((prefix for prefix in _PREFIXES if secret.startswith(prefix)), "")
    return kind + "*" * (len(secret) - len(kind))
