"""Accounts with a past: objects that follow from a seed, spread unevenly over past days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow.sandbox.collection import Seeded
from stripe_flow.sandbox.keyring import AccountEntry
from stripe_flow.sandbox.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """How much past each account has."""

    seed: int
    charges: int
    days: int
    now: int
    livemode: bool
    accounts: Mapping[str, AccountEntry]
    first_account: str

    def make_space(self, account: str, livemode: bool) -> Space:
        """The account as the sandbox starts with it. Raises KeyError for an unknown one."""
        seeded: dict[str, Seeded] = {}
        return Space(account, self.accounts[account], seeded, livemode=livemode)
