"""Which account a run acts for: a part of every identity, so it must be called the same whatever key is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.errors import Misconfigured, NotFound, PermissionMissing, StripeUnreachable
from target_stripe_flow.attempts.identity import Scope
from target_stripe_flow.journal.store import Journal

Config = Mapping[str, object]


def own_account(client: Client, config: Config) -> str | None:
    """The id of the account; None where the key may not read it. Raises Misconfigured if it has no name then."""
    given = config.get("account_id")
    if given:
        return str(given)
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
        raise StripeUnreachable(f"GET {CHECK_PATH}: the answer is not Stripe's: check the setting base_url")
    return account


def name_of(config: Config, read: str | None, known: Callable[[], set[str]]) -> str:
    """What the account is called in identities: as the journal calls it already, else by its id, else by its label.

    `read` is its id, None where that could not be read; `known` are the journal's accounts. A key that gains or loses
    the right to read its account must not make second objects of all rows. Raises Misconfigured where it could.
    """
    label = config.get("account_label")
    if not label or config.get("account_id"):
        return str(read)
    if label in known():
        if read in known():
            raise Misconfigured(
                f"the journal knows this account by the account_label {label} and by its id {read}, as two accounts: "
                "set account_id to the id and forget the label, or set journal_url to a journal of each"
            )
        return str(label)
    if read is None and known():
        raise Misconfigured(
            f"the key may not read its account, and the journal knows {', '.join(sorted(known()))} but nothing of the "
            f"account_label {label}: set account_id if that is the account, else set journal_url to a new journal"
        )
    return str(read or label)


def stranger(scope: Scope, journal: Journal) -> str:
    """A warning where the journal knows others, and not this account in this mode: is it the key that was meant?"""
    if journal.knows(scope.account, scope.mode):
        return ""
    others = ", ".join(f"{account} ({mode})" for account, mode in sorted(journal.accounts()))
    return others and (
        f"the journal {journal.name} knows nothing of {scope.account} ({scope.mode}), only of {others}: every record "
        "is new to this account. If that is not meant, stop here and check api_key, account_id and journal_url"
    )
