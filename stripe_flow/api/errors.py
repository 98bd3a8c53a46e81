"""Every error of stripe-flow, as a tree that branches by what the caller should do.

    StripeFlowError             the root; `exit_code` is the exit code of a run that it ends
    ├── Misconfigured           fix a setting or the input, then run again
    ├── OutputLost              standard output takes no more: its reader has ended, or its disk is full
    ├── Stopped                 the run is ending: a request that was not sent is not executed, a sent one is undecided
    └── StripeError             Stripe refused, or did not answer
        ├── AccountTrouble      stop: no request with this key and account succeeds now
        │   ├── KeyRefused      the key is wrong, expired or of another account (401)
        │   ├── PermissionMissing    the key lacks a permission (403)
        │   │   └── AccountHidden   the account does not exist, or the key has no access to it (403)
        │   ├── StripeUnreachable   no success for `give_up_after_s`, or Stripe refused a read for now
        │   │   └── NoUsableAnswer  this request alone got none; others succeeded, so the run may go on without it
        │   └── NotSent         a write that met only the rate limit (429): nothing was executed
        ├── RequestRefused      refused without effect: fix the record; other records go on (400, 404)
        │   ├── NotFound        no such object, or it is of the other mode (404)
        │   └── KeyReused       the idempotency key was used with other parameters: a conflict, never re-keyed
        ├── Declined            the card was declined, which is final (402)
        ├── ListUnfinished      a list promised more than it showed: what it did not show is not absent
        ├── UnreadableAnswer    a whole answer lacks what the tap reads by: its stream fails, the others are read
        └── OutcomeUnknown      the request may have been executed: ask Stripe before sending it again (500, undecided)

No message quotes Stripe's `message`: it may repeat a person's e-mail address, and it changes without notice. Codes,
parameters and the request id are enough to find the rest in Stripe's dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


class StripeFlowError(Exception):
    """The root: a message for the person who runs the command, and the exit code of a run that it ends."""

    exit_code: ClassVar[int] = 1


class Misconfigured(StripeFlowError):
    """A setting, a file or a line of input is wrong; the message names it and what to write instead."""


class OutputLost(StripeFlowError):
    """Standard output takes no more; the message says why."""


class Stopped(StripeFlowError):
    """The run is stopping, and this call did not finish.

    `was_sent` is False if this call has no effect at Stripe: it sent nothing, or Stripe answered each send with 429.
    Otherwise the request may have been executed: sending the same bytes under the same key shows the outcome.
    """

    def __init__(self, message: str, *, was_sent: bool) -> None:
        super().__init__(message)
        self.was_sent = was_sent


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The facts of an answer that was not a success; a text is empty if Stripe sent none.

    A decline leaves the ids `charge` and `payment_intent`. `permission` is what the restricted key lacks, in Stripe's
    spelling, for example `rak_charge_read`. `date_unix` is Stripe's time. `message` may hold personal data: it is
    compared with others, and never shown. https://docs.stripe.com/api/errors
    """

    http_status: int
    date_unix: int | None = None
    request_id: str = ""
    type: str = ""
    code: str = ""
    decline_code: str = ""
    param: str = ""
    charge: str = ""
    payment_intent: str = ""
    permission: str = ""
    message: str = field(default="", repr=False, compare=False)

    def words(self) -> str:
        """The facts that Stripe's support needs: `(HTTP 400, parameter_missing, amount, request req_1)`."""
        facts = [f"HTTP {self.http_status}", self.code or self.type, self.decline_code, self.param]
        facts.append(f"request {self.request_id}" if self.request_id else "")
        return f"({', '.join(fact for fact in facts if fact)})"


class StripeError(StripeFlowError):
    """Stripe refused, or did not answer; `refusal` is None without an answer."""

    def __init__(self, message: str, refusal: Refusal | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


class AccountTrouble(StripeError):
    """No request with this key and account succeeds now."""

    exit_code = 4


class KeyRefused(AccountTrouble):
    """The key is wrong, expired or of another account."""


class PermissionMissing(AccountTrouble):
    """The key lacks a permission; `refusal.permission` names it if Stripe did."""


class AccountHidden(PermissionMissing):
    """The account does not exist, or the key has no access to it."""


class StripeUnreachable(AccountTrouble):
    """No request succeeded for `give_up_after_s`, or Stripe refused a read for now."""


class NoUsableAnswer(StripeUnreachable):
    """This request got no usable answer for `give_up_after_s`, while others did."""


class NotSent(AccountTrouble):
    """A write met only the rate limit, so nothing was executed."""


class RequestRefused(StripeError):
    """Stripe refused the request without effect."""


class NotFound(RequestRefused):
    """The object does not exist, or is of the other mode."""


class KeyReused(RequestRefused):
    """The idempotency key was used before with other parameters."""


class Declined(StripeError):
    """The card was declined."""


class ListUnfinished(StripeError):
    """Stripe's list promised more than it showed, so nothing counts as absent from it."""

    exit_code = 2


class UnreadableAnswer(StripeError):
    """Stripe's answer is whole, but lacks what the tap reads by; asking again would not help."""

    exit_code = 2


class OutcomeUnknown(StripeError):
    """The request may or may not have been executed."""
