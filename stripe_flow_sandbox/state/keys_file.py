"""The file of `--keys`: accounts, and API keys with their permissions.

It is JSON: `{"accounts": {"acct_…": {…}}, "keys": {"sk_test_…": {…}}}` with the members of `AccountEntry` and
`KeyEntry`. Every key can use every account of the file by `Stripe-Account`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from stripe_flow_sandbox.parameters.shapes import API_VERSION

PLATFORM, CONNECTED = "acct_1SandboxPlatform", "acct_1SandboxConnected"

Level = Literal["none", "read", "write"]

PREFIXES = ("sk_test_", "sk_live_", "rk_test_", "rk_live_", "pk_test_", "pk_live_")


class AccountEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account. `api_version`: the version of its events; `charges` over `days`: its seeded past.

    Without `charges` the first account has the number of `--charges`, the others none; without `days`, `--days` holds.
    """

    can_create_charges: bool = True
    api_version: str = API_VERSION
    country: str = "US"
    default_currency: str = "usd"
    charges: int | None = None
    days: int | None = None


class KeyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key: its account, and its permissions if it is restricted; permissions missing in `rights` are `none`."""

    account: str = PLATFORM
    rights: dict[str, Level] | None = None


class KeysFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All accounts and keys; by default two accounts and no key."""

    accounts: dict[str, AccountEntry] = msgspec.field(
        default_factory=lambda: {PLATFORM: AccountEntry(), CONNECTED: AccountEntry()}
    )
    keys: dict[str, KeyEntry] = msgspec.field(default_factory=dict)


def default_keys(*, livemode: bool) -> KeysFile:
    """The keys of a sandbox that is started without `--keys`."""
    names = ("sk_live_sandbox",) if livemode else ("sk_test_sandbox", "rk_test_sandbox")
    return KeysFile(keys={name: KeyEntry() for name in names})


def read_keys(path: Path) -> KeysFile:
    """The accounts and keys of a file. Raises ValueError if it is not valid; the message never contains a key."""
    described = msgspec.json.decode(path.read_bytes(), type=KeysFile)
    for key, entry in described.keys.items():
        if not key.startswith(PREFIXES):
            raise ValueError(f"{path}: a key has none of the prefixes {', '.join(PREFIXES)}")
        if entry.account not in described.accounts:
            raise ValueError(f"{path}: the account {entry.account} of a key is not in `accounts`")
    return described
