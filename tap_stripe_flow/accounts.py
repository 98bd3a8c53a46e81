"""The accounts to read: the key's own account, or connected accounts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.connection import check_account_id
from stripe_flow.api.errors import Misconfigured, NotFound, PermissionMissing, RequestRefused, UnreadableAnswer
from stripe_flow.api.spelling import suggestion
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.streams.connect import ACCOUNTS

SELF, ALL = "self", "all"
# By the name that includes the key's own account: what is unknown without its id, and what to do.
_OWN = {
    SELF: ("so the id of `self` is unknown", "Replace `self` with the account's id, acct_…"),
    ALL: (
        "which `all` includes",
        "Add the permission rak_accounts_kyc_basic_read to the key, or replace `all` with the accounts' ids, acct_…",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account to read.

    - `id` is its id in records and state; None if the settings name no accounts.
    - `stripe_account` is the value of the header Stripe-Account; None: the key's own account, without the header.
    """

    id: str | None = None
    stripe_account: str | None = None


class Accounts:
    """Resolves account names of the settings: `acct_…`, `self`, or `all`. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._own_id: str | None = None
        self._lock = threading.RLock()

    def chosen(self, account_ids: Sequence[str]) -> list[Account]:
        """The accounts of the setting `account_ids`, each once, in its order.

        `all`: the key's own account and those that its list of connected accounts shows, which is read once. Raises
        Misconfigured for an invalid name, for `all` beside others, and if the key may not read what `all` needs;
        ListUnfinished if Stripe does not show the whole list; or another StripeError.
        """
        if ALL not in account_ids:
            return self._each_once(account_ids, known=(SELF, ALL))
        if others := [name for name in account_ids if name != ALL]:
            raise Misconfigured(
                f"setting account_ids has `{ALL}` and {others[0]!r}: `{ALL}` has no others beside it, since it is the "
                f"key's own account and every connected one. Write [{ALL}], or only the accounts to read"
            )
        with self._lock:
            return self._every

    def named(self, names: Iterable[str]) -> list[Account]:
        """Each account once, in the order of `names`, which are `acct_…` or `self`.

        Raises Misconfigured for an invalid name, StripeError when the id of `self` cannot be read.
        """
        return self._each_once(names, known=(SELF,))

    def _each_once(self, names: Iterable[str], *, known: Sequence[str]) -> list[Account]:
        """`known`: the names that the setting takes beside ids, which a message suggests."""
        accounts: dict[str | None, Account] = {}
        for name in names:
            account = self._named(name, known)
            accounts.setdefault(account.id, account)
        return list(accounts.values())

    def _named(self, name: str, known: Sequence[str]) -> Account:
        if name == SELF:
            return Account(id=self._own(SELF))
        try:
            check_account_id(name)
        except Misconfigured as error:
            raise Misconfigured(f"{error}{suggestion(name, known)}") from None
        return Account(id=name, stripe_account=name)

    @cached_property
    def _every(self) -> list[Account]:
        accounts = {own: Account(id=own) for own in [self._own(ALL)]}
        listing = Listing(client=self._client.scoped(), path=ACCOUNTS.path, stamp=None, is_snapshot=True)
        try:
            for page in listing.every_page():
                for record in page.records():
                    accounts.setdefault(record.id, _connected(record.id))
        except (PermissionMissing, RequestRefused) as error:
            raise Misconfigured(
                f"setting account_ids: the key may not list the connected accounts, which `{ALL}` reads ({error}). "
                f"Add the permission {ACCOUNTS.permission} to the key, or replace `{ALL}` with the accounts' ids, "
                "acct_…"
            ) from None
        return list(accounts.values())

    def _own(self, name: str) -> str:
        """The id of the key's own account, which the settings name `name`."""
        with self._lock:
            if self._own_id is None:
                self._own_id = self._read_own(name)
            return self._own_id

    def _read_own(self, name: str) -> str:
        unknown, remedy = _OWN[name]
        try:
            own: object = self._client.scoped().get(CHECK_PATH).value.get("id")
        except (PermissionMissing, NotFound) as error:
            raise Misconfigured(
                f"setting account_ids: the key may not read its own account, {unknown} ({error}). {remedy}"
            ) from None
        if not isinstance(own, str) or not own.startswith("acct_"):
            raise UnreadableAnswer(f"setting account_ids: GET {CHECK_PATH} has no account's id, {unknown}. {remedy}")
        return own


def _connected(account_id: str) -> Account:
    """A listed account. Raises UnreadableAnswer if its id is none."""
    try:
        check_account_id(account_id)
    except Misconfigured:
        raise UnreadableAnswer(
            f"setting account_ids: GET {ACCOUNTS.path} shows an object whose id is no account's, so `{ALL}` is not "
            f"known. Replace `{ALL}` with the accounts' ids, acct_…"
        ) from None
    return Account(id=account_id, stripe_account=account_id)


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
