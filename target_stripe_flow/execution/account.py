"""The account name in identities: it stays the same for every API key of the account."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.errors import (
    AccountHidden,
    Misconfigured,
    NotFound,
    PermissionMissing,
    RequestRefused,
    StripeUnreachable,
)
from stripe_flow.api.paths import object_path
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.attempts.account_name import Choice, Known, choose_name
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.identity import Scope, joined
from target_stripe_flow.journal.labels import Labels
from target_stripe_flow.journal.store import Journal

Config = Mapping[str, object]

logger = logging.getLogger(__name__)


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


def identify(client: Client, config: Config, labels: Labels) -> str:
    """The account's name in identities, an id or a label. The journal remembers the id of `account_label`.

    Reads from Stripe, and changes nothing there. Raises Misconfigured where the journal's rows may be of another
    account, or may be this account's under another name.
    """
    label, own = str(config.get("account_label") or ""), own_account(client, config)
    choice = _choose(label, own, labels)
    is_proven = not choice.needs_proof or _is_proven(client, labels, choice)
    if own is not None and label and is_proven and label not in labels.bindings():
        labels.bind(label, own)
        _choose(label, own, labels)  # another process may have bound it meanwhile
    if choice.name not in {label, own}:
        logger.info(
            "the journal has the rows of this account under account_label %s: this run continues them", choice.name
        )
    return choice.name


def _choose(label: str, own: str | None, labels: Labels) -> Choice:
    bindings = labels.bindings()
    known = Known(
        journal=labels.journal.name,
        accounts=frozenset(labels.accounts()),
        bound={name: each.account for name, each in bindings.items()},
        said=frozenset(name for name, each in bindings.items() if each.is_by_person),
    )
    return choose_name(label, own, known)


def _is_proven(client: Client, labels: Labels, choice: Choice) -> bool:
    """Whether the key reads an object of the rows under this name; an object belongs to one account.

    Raises Misconfigured if it does not and the rows have effects, except where a person's word is enough.
    """
    is_missing = False
    for row in _samples(labels, choice.name):
        endpoint, stripe_id = ACTIONS[row.action].endpoint_at(row.path), row.stripe_id
        if endpoint.makes_intent and row.payment_intent:
            stripe_id = row.payment_intent
        path = endpoint.path if stripe_id == row.payment_intent else ACTIONS[row.action].path
        try:
            client.get(object_path(path, str(stripe_id)))
        except NotFound:
            is_missing = True
        except AccountHidden:
            raise
        except (PermissionMissing, RequestRefused, ValueError):
            continue
        else:
            return True
    if is_missing:
        raise Misconfigured(choice.words_of_other(labels.journal.name))
    if labels.has_effects(choice.name) and not choice.is_said:
        raise Misconfigured(choice.words_of_unproven(labels.journal.name))
    return False


def _samples(labels: Labels, account: str) -> Iterator[Attempt]:
    """Rows whose objects are of one account only: an id that a user chose may exist in several."""
    for name, spec in ACTIONS.items():
        for row in labels.samples(account, name):
            is_chosen = row.source_key is None or row.stripe_id == joined(row.source_key)
            if spec.id_prefixes or not is_chosen:
                yield row


def describe_new_account(scope: Scope, journal: Journal) -> str:
    """A warning if the journal has rows of other accounts or modes but none of this one; empty otherwise."""
    if journal.knows(scope.account, scope.mode):
        return ""
    others = ", ".join(f"{account} ({mode})" for account, mode in sorted(journal.accounts()))
    return others and (
        f"the journal {journal.name} has no rows of {scope.account} ({scope.mode}), only of {others}: every record is "
        "new for this account. If that is wrong, stop this run and check api_key, account_id and journal_url"
    )
