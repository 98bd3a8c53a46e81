"""Accounts with a past: the space of each account, as the sandbox starts with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow_sandbox.past.chapters import chapters_of
from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.past.seeded_charges import SeededCharges, SeededRefunds
from stripe_flow_sandbox.past.seeded_customers import SeededCustomers, SeededMethods
from stripe_flow_sandbox.past.seeded_events import SeededEvents
from stripe_flow_sandbox.past.seeded_products import SeededProducts
from stripe_flow_sandbox.state.collection import Seeded
from stripe_flow_sandbox.state.keys_file import AccountEntry
from stripe_flow_sandbox.state.space import Seeds, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """How much past the accounts have: `charges` over `days` for the first one, what the keys file says for others."""

    seed: int
    charges: int
    days: int
    now: int
    livemode: bool
    accounts: Mapping[str, AccountEntry]

    def make_space(self, account_id: str, *, livemode: bool) -> Space:
        """The account as it is at the start; only the sandbox's own mode has a past. Raises KeyError if unknown."""
        account = self.accounts[account_id]
        is_first = account_id == next(iter(self.accounts))
        charges = account.charges if account.charges is not None else self.charges if is_first else 0
        if livemode != self.livemode or not charges:
            return Space(account_id, account, Seeds(), livemode=livemode)
        label = f"{self.seed}/{account_id}/{'live' if livemode else 'test'}"
        past = Past(label, charges, account.days or self.days, self.now)
        return Space(account_id, account, _seeds(past, account.api_version, livemode=livemode), livemode=livemode)


def _seeds(past: Past, api_version: str, *, livemode: bool) -> Seeds:
    customers = SeededCustomers(past, livemode=livemode)
    charges = SeededCharges(past, customers, livemode=livemode)
    products = SeededProducts(past, livemode=livemode)
    refunds = SeededRefunds(past, charges, livemode=livemode)
    chapters = chapters_of(past, charges, customers, products, refunds)
    objects: dict[str, Seeded] = {
        "charge": charges,
        "customer": customers,
        "event": SeededEvents(past, chapters, api_version, livemode=livemode),
        "payment_method": SeededMethods(past, customers, livemode=livemode),
        "product": products,
        "refund": refunds,
    }
    return Seeds(objects, customers.card)
