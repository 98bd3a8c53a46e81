"""Whose objects to read: the key's own account, or connected ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from stripe_flow.api.client import Client
from stripe_flow.api.errors import Misconfigured, NotFound, PermissionMissing
from stripe_flow.api.spelling import suggestion

SELF = "self"


@dataclass(frozen=True, kw_only=True)
class Account:
    """`id` is what records and state tell; None where a run reads one account and need not tell.

    `acts_for` is the header Stripe-Account; None: the key's own account.
    """

    id: str | None = None
    acts_for: str | None = None


class Accounts:
    """Finds accounts by the names that settings give them: `acct_…` or `self`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def named(self, names: Iterable[str]) -> list[Account]:
        """Each account once, in the order of `names`. Raises Misconfigured, or StripeError when it asks for `self`."""
        found: dict[str | None, Account] = {}
        for account in map(self._named, names):
            found.setdefault(account.id, account)
        return list(found.values())

    def _named(self, name: str) -> Account:
        if name == SELF:
            return Account(id=self._own)
        try:
            self._client.scoped(name)
        except Misconfigured as error:
            raise Misconfigured(f"{error}{suggestion(name, [SELF])}") from None
        return Account(id=name, acts_for=name)

    @cached_property
    def _own(self) -> str:
        try:
            return str(self._client.scoped().get("/v1/account").value["id"])
        except (PermissionMissing, NotFound) as error:
            raise Misconfigured(
                f"setting account_ids: the key may not ask whose it is, so `self` has no id ({error}). "
                "Write the account's id, acct_…, in its place"
            ) from None


def split_ids(ids: Iterable[str], setting: str) -> dict[str, list[str]]:
    """`acct_…/cus_…` and `cus_…` → the ids by account, `self` for those that name none; each once.

    Raises Misconfigured, naming `setting`.
    """
    found: dict[str, dict[str, None]] = {}
    for text in ids:
        account, slash, object_id = text.strip().rpartition("/")
        if not object_id or (slash and not account):
            raise Misconfigured(f"setting {setting}: an id looks like cus_… or acct_…/cus_…, not {text!r}")
        found.setdefault(account or SELF, {})[object_id] = None
    return {account: list(named) for account, named in found.items()}
