"""Under which name the records of an account go: its id, or a label that is its id in this journal. Pure rules.

The same account under two names would be charged twice, and one label for two accounts would send the requests of one
account to the other. In doubt the run stops.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from stripe_flow.api.errors import Misconfigured

_ID = "acct_"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the journal knows in this mode.

    `accounts` are the ids and labels under which it has rows, `bound` the id of each label, `said` the labels of which
    a person said it.
    """

    journal: str
    accounts: frozenset[str]
    bound: Mapping[str, str]
    said: frozenset[str] = frozenset()

    @property
    def labels(self) -> list[str]:
        """The labels that have rows."""
        return sorted(name for name in self.accounts if not name.startswith(_ID))

    @property
    def ids(self) -> list[str]:
        """The ids that have rows."""
        return sorted(name for name in self.accounts if name.startswith(_ID))

    def account_of(self, label: str) -> str | None:
        """The id of a label's account, if it is known; an id is its own."""
        return self.bound.get(label) or (label if label.startswith(_ID) else None)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The name, and whether the key must first read an object of the rows that the journal has under it.

    `is_said`: if it can read none, a person's word is enough.
    """

    name: str
    label: str
    needs_proof: bool = False
    is_said: bool = False

    def words_of_other(self, journal: str) -> str:
        """The message if Stripe does not know an object of these rows for this key."""
        return (
            f"account_label {self.label}: Stripe does not know the objects that the journal {journal} has under "
            f"{self.name} for this API key, so it is a key of another account. Use a key of that account, or set "
            "account_label and journal_url to others for this one"
        )

    def words_of_unproven(self, journal: str) -> str:
        """The message if no object of these rows can be read."""
        return (
            f"account_label {self.label}: the journal {journal} has rows under {self.name}, and this API key can read "
            f"no object of theirs, so they may be of another account. If they are of this key's account, say so: "
            f"{_command(self.label)}"
        )


def choose_name(label: str, own: str | None, known: Known) -> Choice:
    """The name for a run with this `account_label` (empty: none) whose account has the id `own` (None: not readable).

    Raises Misconfigured where rows of this account may be under another name, or rows under this name of another
    account.
    """
    bound = known.account_of(label) if label else None
    if own is not None and bound is not None and own != bound:
        raise Misconfigured(
            f"account_label {label} is the account {bound} in the journal {known.journal}, and this API key acts for "
            f"{own}: use a key of {bound}, or set account_label and journal_url to others for {own}"
        )
    account, is_said = own or bound, label in known.said
    if label in known.accounts:
        if account != label and account in known.accounts:
            raise _both([label, str(account)], known)
        if account is None and known.ids:
            raise Misconfigured(
                f"the journal {known.journal} has rows under account_label {label} and rows of {', '.join(known.ids)}, "
                f"and the key may not read its own account: say which account the label is, {_command(label)}"
            )
        return Choice(name=label, label=label, needs_proof=own is None or bound is None, is_said=is_said)
    if account is None:
        if known.accounts:
            raise Misconfigured(
                f"the key may not read its own account, and the journal {known.journal} has rows of "
                f"{', '.join(sorted(known.accounts))}, not of account_label {label}: set account_label or account_id "
                "if it is one of these, else journal_url to a new journal"
            )
        return Choice(name=label, label=label)
    name = _name_of(account, known)
    if own is None and name not in known.accounts:
        name = label
    return Choice(name=name, label=label or name, needs_proof=own is None and name in known.accounts, is_said=is_said)


def _name_of(account: str, known: Known) -> str:
    """The name under which the journal has this account's rows, or would have them."""
    own = [label for label in known.labels if known.bound.get(label) == account]
    if len(names := [*own, *known.accounts & {account}]) > 1:
        raise _both(names, known)
    for label in known.labels:
        if label not in known.bound:
            raise Misconfigured(
                f"the journal {known.journal} has rows under account_label {label}, and not yet which account that is: "
                f"set account_label to {label} again. If it is another account than {account}, say which: "
                f"{_command(label)}"
            )
    if known.labels and not names:
        others = ", ".join(f"{label} ({known.bound[label]})" for label in known.labels)
        raise Misconfigured(
            f"the journal {known.journal} has rows under account_label {others}, and this run is for {account}, for "
            f"which every record would be new: check api_key and account_id, or set journal_url to a journal for "
            f"{account} alone"
        )
    return names[0] if names else account


def _both(names: list[str], known: Known) -> Misconfigured:
    return Misconfigured(
        f"the journal {known.journal} has rows of one account both under the account_label {names[0]} and under "
        f"{names[1]}, so a record may have been sent under either: set journal_url to a separate journal for each. If "
        f"they are two accounts, say which one the label is: {_command(names[0])}"
    )


def _command(label: str) -> str:
    """The command by which a person says which account a label is."""
    return f"`stripe-flow journal source label {shlex.quote(label)} --is acct_…`"
