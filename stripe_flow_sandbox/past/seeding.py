"""The accounts as the sandbox starts with them, with their seeded past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow_sandbox.past.density import Density
from stripe_flow_sandbox.past.past import Past
from stripe_flow_sandbox.past.seeded_charges import SeededCharges, SeededRefunds
from stripe_flow_sandbox.past.seeded_customers import SeededCustomers, SeededMethods, SeededProducts
from stripe_flow_sandbox.past.seeded_events import SeededEvents, event_sources_of
from stripe_flow_sandbox.past.seeded_movements import SeededMovements
from stripe_flow_sandbox.state.collection import Seeded
from stripe_flow_sandbox.state.keys_file import AccountEntry
from stripe_flow_sandbox.state.space import Seeds, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """The seed, and the defaults of the accounts: `charges` for the first one, the others for all."""

    seed: int
    charges: int
    days: int
    now: int
    livemode: bool
    accounts: Mapping[str, AccountEntry]
    furnish: int = 0
    density: Density = "even"

    def make_space(self, account_id: str, *, livemode: bool) -> Space:
        """The account at the start; only the sandbox's own mode has a past. Raises KeyError for an unknown account."""
        account = self.accounts.get(account_id)
        if account is None:
            raise KeyError(f"the sandbox has no account {account_id}. Its accounts are {', '.join(self.accounts)}")
        is_first = account_id == next(iter(self.accounts))
        charges = account.charges if account.charges is not None else self.charges if is_first else 0
        if livemode != self.livemode or not charges:
            return Space(account_id, account, Seeds(), livemode=livemode)
        label = f"{self.seed}/{account_id}/{'live' if livemode else 'test'}"
        past = Past(label, charges, account.days or self.days, self.now, self.density)
        return Space(account_id, account, _seeds(past, account.api_version, livemode=livemode), livemode=livemode)


def _seeds(past: Past, api_version: str, *, livemode: bool) -> Seeds:
    customers = SeededCustomers(past, livemode=livemode)
    charges = SeededCharges(past, customers, livemode=livemode)
    products = SeededProducts(past, livemode=livemode)
    refunds = SeededRefunds(past, charges, livemode=livemode)
    sources = event_sources_of(past, charges, customers, products, refunds)
    objects: dict[str, Seeded] = {
        "balance_transaction": SeededMovements(past, charges, refunds, livemode=livemode),
        "charge": charges,
        "customer": customers,
        "event": SeededEvents(past, sources, api_version, livemode=livemode),
        "payment_method": SeededMethods(past, customers, livemode=livemode),
        "product": products,
        "refund": refunds,
    }
    return Seeds(objects, customers.card)
