"""The file of `--keys`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from stripe_flow_sandbox.parameters.shapes import API_VERSION

PLATFORM, CONNECTED = "acct_1SandboxPlatform", "acct_1SandboxConnected"

Level = Literal["none", "read", "write"]

PREFIXES = ("sk_test_", "sk_live_", "rk_test_", "rk_live_", "pk_test_", "pk_live_")


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


def default_keys(*, livemode: bool) -> KeysFile:
    names = ("sk_live_sandbox",) if livemode else ("sk_test_sandbox", "rk_test_sandbox")
    return KeysFile(keys={name: KeyEntry() for name in names})


def read_keys(path: Path) -> KeysFile:
    """The keys of a file. Raises ValueError, naming what is wrong but never a key."""
    described = msgspec.json.decode(path.read_bytes(), type=KeysFile)
    for key, entry in described.keys.items():
        if not key.startswith(PREFIXES):
            raise ValueError(f"{path}: a key starts with none of {', '.join(PREFIXES)}")
        if entry.account not in described.accounts:
            raise ValueError(f"{path}: {entry.account} of a key is not among the accounts")
    return described
