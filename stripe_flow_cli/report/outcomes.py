"""What the report says of each state: who has to act, and how. Data only; `vocabulary` explains the states."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.attempts.vocabulary import TO_BE_SENT, WORDS
from target_stripe_flow.results.outcome import Status

# A record that was rejected before it became an attempt: only the rejects file has it.
NEVER_SENT = "never_sent"


class Who(enum.Enum):
    """Who has to act, the most urgent first. The value is the heading of the report's section."""

    DECIDE = "For you to decide"
    FIX = "For you to fix"
    CUSTOMER = "For the customer"
    RUN = "For the next run"
    NOBODY = "Done"


@dataclass(frozen=True, kw_only=True)
class StateWords:
    """`status` is the word of the run's summary. `commands` have a {key}: they apply to one row."""

    name: str
    status: str
    who: Who
    title: str
    means: str
    steps: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        return self.title.partition(":")[0]

    @property
    def listing(self) -> str:
        """The command that lists all rows of this state; empty where the journal does not have them."""
        return "" if self.name == NEVER_SENT else f"stripe-flow journal list --every-source --state {self.name}"


_SHOW = "stripe-flow journal show {key}"
_SETTLE = (
    "stripe-flow journal settle {key} --as created STRIPE_ID",
    "stripe-flow journal settle {key} --as not-created",
)
_RECONCILE = "To reconcile now: stripe-flow journal reconcile --config FILE"
_SEND_AGAIN = ("Run the flow again with the record.",)

# The most urgent first: who acts, title, steps, commands.
_TO_DO: dict[State, tuple[Who, str, tuple[str, ...], tuple[str, ...]]] = {
    State.PARKED: (
        Who.DECIDE,
        "Parked: you decide whether money moved",
        (
            "If the reason names another run, that run made the object: give this source a source_name of its own.",
            "Else search the Stripe dashboard at the time and for the amount below.",
            "If the object exists, settle the attempt as created, with the object's id.",
            "If it does not exist, settle the attempt as not-created: the next record with this key is then sent.",
        ),
        _SETTLE,
    ),
    State.CONFLICT: (
        Who.DECIDE,
        "Conflict: a run that this journal does not know used its idempotency key",
        (
            "See what the journal knows of it. If another project has the same source_name, give this one its own.",
            "If the record is new, give it a new key in its source.",
            "If you know what became of it, settle it.",
        ),
        (_SHOW, *_SETTLE),
    ),
    State.REFUSED: (
        Who.FIX,
        "Rejected by Stripe: the record needs a fix",
        ("Fix the named field in the record's source and run the flow again.",),
        (_SHOW,),
    ),
    State.DECLINED: (
        Who.CUSTOMER,
        "Declined: the customer's bank refused the payment",
        (
            "Ask the customer for another payment method, or to call the bank.",
            "Then order another attempt and run the flow again with the record.",
        ),
        ("stripe-flow journal retry {key}",),
    ),
    State.REQUIRES_ACTION: (
        Who.CUSTOMER,
        "Waiting for the customer",
        ("Open it in the Stripe dashboard and ask the customer. Each run checks whether the customer has acted.",),
        (_SHOW,),
    ),
    State.UNKNOWN: (Who.RUN, "Not known yet: a later run finds out", (f"Nothing: each run scans. {_RECONCILE}",), ()),
    State.INTENT: (
        Who.RUN,
        "In progress, or left open by a run that was killed",
        (f"Nothing: run the flow again. {_RECONCILE}",),
        (),
    ),
    State.PROCESSING: (
        Who.RUN,
        "Pending: the bank has not decided",
        ("Nothing: each run checks whether the bank has decided.",),
        (),
    ),
    State.OPENED: (Who.RUN, "Another attempt is ordered", _SEND_AGAIN, ()),
    State.NOT_SENT: (Who.RUN, "Not sent: Stripe executed nothing", _SEND_AGAIN, ()),
    State.NOT_CREATED: (Who.RUN, "Not created after all", _SEND_AGAIN, ()),
    State.CREATED: (Who.NOBODY, "Created", (), ()),
    State.UPDATED: (Who.NOBODY, "Updated", (), ()),
    State.FOUND: (Who.NOBODY, "Found", (), ()),
}
_NEVER_SENT = StateWords(
    name=NEVER_SENT,
    status=Status.REJECTED.value,
    who=Who.FIX,
    title="Rejected before a request was sent",
    means="The record itself is wrong, so no request was sent. The rejects file has it, with the reason.",
    steps=(
        "Find the record in the rejects file, or in a report made with --show-keys.",
        "Fix it in its source and run the flow again.",
        "Or fix its line in the rejects file and pipe that file into the target.",
    ),
)


def _states() -> Iterator[StateWords]:
    for state, (who, title, steps, commands) in _TO_DO.items():
        words = WORDS[state]
        yield StateWords(
            name=state, status=words.status, who=who, title=title, means=words.means, steps=steps, commands=commands
        )
        if state is State.REFUSED:  # the other records that a person has to fix
            yield _NEVER_SENT


STATES = {each.name: each for each in _states()}
# The states whose rows are listed.
LISTED = tuple(name for name, each in STATES.items() if each.who is not Who.NOBODY and name != NEVER_SENT)
# The statuses of the report, in the order of the run's summary.
STATUSES = (
    *(status.value for status in Status if status.value in {each.status for each in STATES.values()}),
    TO_BE_SENT,
)
