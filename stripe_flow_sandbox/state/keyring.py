"""API keys and what each may do; https://docs.stripe.com/keys and https://docs.stripe.com/connect."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import msgspec

from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.state.keys_file import PREFIXES, KeysFile, Level

_RANK: Mapping[Level, int] = {"none": 0, "read": 1, "write": 2}


class Key(msgspec.Struct, frozen=True):
    """An accepted key: its account, mode and permissions. `shown` is the redacted key, as Stripe's errors show it."""

    shown: str
    account: str
    livemode: bool
    rights: Mapping[str, Level] | None

    def may(self, permission: str, level: Level) -> bool:
        """Whether the key has at least this level of the permission; an unrestricted key has every permission."""
        return self.rights is None or _RANK[self.rights.get(permission, "none")] >= _RANK[level]


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

    def counted_for(self, headers: Mapping[str, str]) -> str:
        """The account and mode whose rates a request counts against; without a known key the account that it names."""
        key = self._keys.get(_secret(headers.get("authorization", "")))
        account = headers.get("stripe-account", key.account if key else "")
        return f"{account} {'live' if key and key.livemode else 'test'}"


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
    """The key's prefix, and a star for each other character; the result cannot be used as a key."""
    kind = next((prefix for prefix in PREFIXES if secret.startswith(prefix)), "")
    return kind + "*" * (len(secret) - len(kind))
