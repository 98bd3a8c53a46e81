"""Each state of the journal in a person's words: what it means, who has to do something, and what. Data only."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.results.outcome import Status

# A record that never became an attempt: the journal does not have it, the rejects file does.
NEVER_SENT = "never_sent"
# Where a record stands that the next run sends once more; the target's summary has no such place.
TO_BE_SENT = "to be sent"


class Who(enum.Enum):
    """Who has to do something, in the order in which it presses; the value is said of the records."""

    DECIDE = "For you to decide"
    MEND = "For you to mend"
    CUSTOMER = "For the customer"
    RUN = "For the next run"
    NOBODY = "Done"


@dataclass(frozen=True, kw_only=True)
class StateWords:
    """`status` is the word of the target's summary. `commands` are of one row, with its {key}."""

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
        """The command that lists all of them; none where the journal does not have them."""
        return "" if self.name == NEVER_SENT else f"stripe-flow journal list --every-source --state {self.name}"


_SHOW = "stripe-flow journal show {key}"
_SETTLE = (
    "stripe-flow journal settle {key} --as created STRIPE_ID",
    "stripe-flow journal settle {key} --as not-created",
)

# In the order in which they need somebody.
STATES = {
    words.name: words
    for words in (
        StateWords(
            name=State.PARKED,
            status=Status.PARKED.value,
            who=Who.DECIDE,
            title="Parked: only you can tell whether money moved",
            means="It was sent, no answer came, and a day later it was not to be found at Stripe. It will not be sent "
            "again until you have decided.",
            steps=(
                "Look in the Stripe dashboard, at the time and for the amount below.",
                "If it is there, settle it as created, with its id.",
                "If it is not, settle it as not-created: the next record with this key is then sent.",
            ),
            commands=_SETTLE,
        ),
        StateWords(
            name=State.CONFLICT,
            status=Status.REJECTED.value,
            who=Who.DECIDE,
            title="Conflict: its key was used by a run that this journal does not know",
            means="Stripe has seen its idempotency key with other content, so something may exist already. It is "
            "looked for on every run.",
            steps=(
                "See what is known of it. If it is a new thing, give the record a new key in its source.",
                "If you know what became of it, settle it.",
            ),
            commands=(_SHOW, *_SETTLE),
        ),
        StateWords(
            name=State.REFUSED,
            status=Status.REJECTED.value,
            who=Who.MEND,
            title="Rejected by Stripe: the record needs mending",
            means="Stripe refused it, and nothing happened there.",
            steps=("Mend the field that is named, in the source of the record, and run the flow again. That is all.",),
            commands=(_SHOW,),
        ),
        StateWords(
            name=NEVER_SENT,
            status=Status.REJECTED.value,
            who=Who.MEND,
            title="Rejected before anything was sent",
            means="The record itself is wrong, so Stripe was not asked. It lies in the rejects file with its reason.",
            steps=(
                "See which record it is: in the rejects file, or in a report made with --show-keys.",
                "Mend it in its source and run the flow again.",
                "Or mend its line in the rejects file, and pipe that file into the target.",
            ),
        ),
        StateWords(
            name=State.DECLINED,
            status=Status.DECLINED.value,
            who=Who.CUSTOMER,
            title="Declined: the customer's bank said no",
            means="That is final for this attempt. The same record is not sent again by itself.",
            steps=(
                "Ask the customer for another way to pay, or to talk to the bank.",
                "Then order another attempt, and run the flow again with the record.",
            ),
            commands=("stripe-flow journal retry {key}",),
        ),
        StateWords(
            name=State.REQUIRES_ACTION,
            status=Status.PENDING.value,
            who=Who.CUSTOMER,
            title="Waiting for the customer",
            means="It is at Stripe, and the customer has to do something, for example confirm it with the bank.",
            steps=("Open it in the Stripe dashboard and ask the customer. Each run looks whether it is done.",),
            commands=(_SHOW,),
        ),
        StateWords(
            name=State.UNKNOWN,
            status=Status.UNKNOWN.value,
            who=Who.RUN,
            title="Not known yet: a later run finds out",
            means="It may have happened. It is looked for, never sent twice.",
            steps=("Nothing: each run looks first. To look now: stripe-flow journal reconcile --config FILE",),
        ),
        StateWords(
            name=State.INTENT,
            status=Status.UNKNOWN.value,
            who=Who.RUN,
            title="Under way, or left by a run that died",
            means="It is written down, and perhaps was sent. The next run settles it before it does anything else.",
            steps=("Nothing: run the flow again. To settle it now: stripe-flow journal reconcile --config FILE",),
        ),
        StateWords(
            name=State.PROCESSING,
            status=Status.PENDING.value,
            who=Who.RUN,
            title="Pending: the bank takes its time",
            means="It is at Stripe and not over; a bank debit takes days.",
            steps=("Nothing: each run looks whether it is done.",),
        ),
        StateWords(
            name=State.OPENED,
            status=TO_BE_SENT,
            who=Who.RUN,
            title="Another attempt is ordered",
            means="Somebody has ordered it; it waits for its record.",
            steps=("Run the flow again with the record.",),
        ),
        StateWords(
            name=State.NOT_SENT,
            status=TO_BE_SENT,
            who=Who.RUN,
            title="Not sent: Stripe took nothing",
            means="Stripe was too busy or did not take the key, and nothing happened there.",
            steps=("Run the flow again with the record.",),
        ),
        StateWords(
            name=State.NOT_CREATED,
            status=TO_BE_SENT,
            who=Who.RUN,
            title="Not made after all",
            means="It was looked for, or a person said so: it does not exist at Stripe.",
            steps=("Run the flow again with the record.",),
        ),
        StateWords(
            name=State.CREATED,
            status=Status.CREATED.value,
            who=Who.NOBODY,
            title="Created",
            means="Stripe has made it.",
        ),
        StateWords(
            name=State.UPDATED,
            status=Status.UPDATED.value,
            who=Who.NOBODY,
            title="Updated",
            means="A change was applied.",
        ),
        StateWords(
            name=State.FOUND, status=Status.FOUND.value, who=Who.NOBODY, title="Found", means="It was there already."
        ),
    )
}
# Of states, those whose rows are listed.
LISTED = tuple(name for name, each in STATES.items() if each.who is not Who.NOBODY and name != NEVER_SENT)
# In the order of the target's summary.
STATUSES = (
    *(Status.CREATED.value, Status.UPDATED.value, Status.FOUND.value),
    *(Status.DECLINED.value, Status.REJECTED.value, Status.PENDING.value, Status.UNKNOWN.value),
    *(Status.PARKED.value, TO_BE_SENT),
)
