"""What can go wrong, as a tree that branches by what the caller should do.

    StripeFlowError             every error of ours; `exit_code` is how a run ends on it
    ├── Misconfigured           mend a setting or the input, then run again
    ├── Stopped                 the run is ending: what was not sent stays undone, what was sent is not decided
    └── StripeError             Stripe said no, or said nothing
        ├── AccountTrouble      stop: with this key and account nothing will go through now
        │   ├── KeyRefused      the key is wrong, expired or of another account (401)
        │   ├── PermissionMissing    the key lacks a right (403)
        │   │   └── AccountHidden   it may not act for the account, or there is none (403)
        │   ├── StripeUnreachable   not one success for `give_up_after_s`, or a read that Stripe refused for now
        │   └── NotSent         a write that Stripe refused for its pace alone (429): nothing was executed
        ├── RequestRefused      refused without effect: mend the record, the rest goes on (400, 404)
        │   ├── NotFound        no such object, or it belongs to the other mode (404)
        │   └── KeyReused       the idempotency key was used with other parameters: a conflict, never re-keyed
        ├── Declined            the card said no, and that is final (402)
        └── OutcomeUnknown      it may have happened: ask Stripe before doing it again (500, undecided)

No message quotes what Stripe's `message` says: it may repeat a person's e-mail address, and it changes without
notice. Codes, parameters and the request id are enough to find the rest in Stripe's dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class StripeFlowError(Exception):
    """The root: one sentence for the person who runs it, and the exit code of a run that it ends."""

    exit_code: ClassVar[int] = 1


class Misconfigured(StripeFlowError):
    """A setting, a file or a line of input is wrong; the message names it and what to write instead."""


class Stopped(StripeFlowError):
    """The run is stopping, and this call did not wait to its end.

    `was_sent` is False where this call has no effect at Stripe: it sent nothing, or Stripe refused each send for
    its pace alone (429). Otherwise it may have happened: the same bytes under the same key will tell.
    """

    def __init__(self, message: str, *, was_sent: bool) -> None:
        super().__init__(message)
        self.was_sent = was_sent


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The facts of an answer that was not a success; empty where Stripe gave none.

    `charge` and `payment_intent` are ids that a decline leaves behind. `permission` is the restricted key's missing
    right as Stripe names it, for example `rak_charge_read`.
    `date_unix` is Stripe's time. https://docs.stripe.com/api/errors
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

    def words(self) -> str:
        """What support needs, in one bracket: `(HTTP 400, parameter_missing, amount, request req_1)`."""
        facts = [f"HTTP {self.http_status}", self.code or self.type, self.decline_code, self.param]
        facts.append(f"request {self.request_id}" if self.request_id else "")
        return f"({', '.join(fact for fact in facts if fact)})"


class StripeError(StripeFlowError):
    """Stripe refused, or could not be asked; `refusal` is None where no answer came."""

    def __init__(self, message: str, refusal: Refusal | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


class AccountTrouble(StripeError):
    exit_code = 4


class KeyRefused(AccountTrouble):
    pass


class PermissionMissing(AccountTrouble):
    pass


class AccountHidden(PermissionMissing):
    pass


class StripeUnreachable(AccountTrouble):
    pass


class NotSent(AccountTrouble):
    pass


class RequestRefused(StripeError):
    pass


class NotFound(RequestRefused):
    pass


class KeyReused(RequestRefused):
    pass


class Declined(StripeError):
    pass


class OutcomeUnknown(StripeError):
    pass
