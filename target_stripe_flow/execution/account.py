"""The account name in identities: it stays the same for every API key of the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.errors import Misconfigured, NotFound, PermissionMissing, StripeUnreachable
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.journal.store import Journal

Config = Mapping[str, object]


def own_account(client: Client, config: Config) -> str | None:
    """The account's id: `account_id`, else as Stripe says it. None if the key may not read it and there is a label.

    Raises Misconfigured if the key may not read it and `account_label` is not set, StripeUnreachable if the answer has
    no id.
    """
    account_id = config.get("account_id")
    if account_id:
        return str(account_id)
    try:
        account: object = client.get(CHECK_PATH).value.get("id")
    except (PermissionMissing, NotFound):
        if not config.get("account_label"):
            raise Misconfigured(
                "the key may not read its own account, which is part of every record's identity: set account_id to "
                "the account's id (acct_…), or account_label to a name of your own that you never change"
            ) from None
        return None
    if not isinstance(account, str):
        raise StripeUnreachable(f"GET {CHECK_PATH}: the answer has no id. Check the setting base_url")
    return account


def name_of(config: Config, read: str | None, known: Callable[[], set[str]]) -> str:
    """The account's name in identities: the name that the journal has for it, else its id, else its label.

    `read` is the id, None where it could not be read; `known` returns the accounts in the journal. A key that gains or
    loses the permission to read its account must not create a second object for every row: raises Misconfigured where
    it could.
    """
    label = config.get("account_label")
    if not label or config.get("account_id"):
        return str(read)
    if label in known():
        if read in known():
            raise Misconfigured(
                f"the journal has rows of this account both under the account_label {label} and under its id {read}: "
                f"set account_id to {read} and remove account_label, or set journal_url to a separate journal for each"
            )
        return str(label)
    if read is None and known():
        raise Misconfigured(
            f"the key may not read its own account, and the journal has rows of {', '.join(sorted(known()))}, not of "
            f"account_label {label}: set account_id if it is one of these, else journal_url to a new journal"
        )
    return str(read or label)


def describe_new_account(scope: Scope, journal: Journal) -> str:
    """A warning if the journal has rows of other accounts or modes but none of this one; empty otherwise."""
    if journal.knows(scope.account, scope.mode):
        return ""
    others = ", ".join(f"{account} ({mode})" for account, mode in sorted(journal.accounts()))
    return others and (
        f"the journal {journal.name} has no rows of {scope.account} ({scope.mode}), only of {others}: every record is "
        "new for this account. If that is wrong, stop this run and check api_key, account_id and journal_url"
    )
