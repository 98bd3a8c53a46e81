"""The accounts to read: the key's own account, or connected accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.errors import Misconfigured, NotFound, PermissionMissing, UnreadableAnswer
from stripe_flow.api.spelling import suggestion

SELF = "self"


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account to read.

    - `id` is its id in records and state; None if the settings name no accounts.
    - `stripe_account` is the value of the header Stripe-Account; None: the key's own account, without the header.
    """

    id: str | None = None
    stripe_account: str | None = None


class Accounts:
    """Resolves account names of the settings, `acct_…` or `self`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def named(self, names: Iterable[str]) -> list[Account]:
        """Each account once, in the order of `names`.

        Raises Misconfigured for an invalid name, StripeError when the id of `self` cannot be read.
        """
        accounts: dict[str | None, Account] = {}
        for account in map(self._named, names):
            accounts.setdefault(account.id, account)
        return list(accounts.values())

    def _named(self, name: str) -> Account:
        if name == SELF:
            return Account(id=self._own)
        try:
            self._client.scoped(name)
        except Misconfigured as error:
            raise Misconfigured(f"{error}{suggestion(name, [SELF])}") from None
        return Account(id=name, stripe_account=name)

    @cached_property
    def _own(self) -> str:
        try:
            own: object = self._client.scoped().get(CHECK_PATH).value.get("id")
        except (PermissionMissing, NotFound) as error:
            raise Misconfigured(
                f"setting account_ids: the key may not read its own account, so the id of `self` is unknown ({error}). "
                "Replace `self` with the account's id, acct_…"
            ) from None
        if not isinstance(own, str) or not own.startswith("acct_"):
            raise UnreadableAnswer(
                f"setting account_ids: GET {CHECK_PATH} has no account's id, so the id of `self` is unknown. Replace "
                "`self` with it, acct_…"
            )
        return own


def split_ids(ids: Iterable[str], setting: str) -> dict[str, list[str]]:
    """The ids by account, each once: `acct_…/cus_…` under `acct_…`, and `cus_…` under `self`.

    Raises Misconfigured, naming `setting`, for a text of another form.
    """
    by_account: dict[str, dict[str, None]] = {}
    for text in ids:
        account, slash, object_id = text.strip().rpartition("/")
        if not object_id or (slash and not account):
            raise Misconfigured(f"setting {setting}: an id looks like cus_… or acct_…/cus_…, not {text!r}")
        by_account.setdefault(account or SELF, {})[object_id] = None
    return {account: list(unique_ids) for account, unique_ids in by_account.items()}
