"""Why a bank declines a payment, in Stripe's codes; https://docs.stripe.com/declines/codes."""

from __future__ import annotations

from dataclasses import dataclass

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import DOC_URL, Refusal


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a bank declines a payment, in Stripe's codes. `is_blocked`: Radar blocks it, and the bank is not asked."""

    code: str
    decline_code: str
    message: str
    param: str | None = None
    is_blocked: bool = False

    def refusal(self, charge_id: str | None = None) -> Refusal:
        """The 402 for this decline; `charge_id` is the failed charge that it names, None if there is none."""
        error: Object = {
            "code": self.code,
            "decline_code": self.decline_code,
            "doc_url": DOC_URL.format(code=self.code.replace("_", "-")),
            "message": self.message,
            "type": "card_error",
        }
        if charge_id:
            error["charge"] = charge_id
        if self.param:
            error["param"] = self.param
        return Refusal(402, error)


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")

FRAUDULENT = Decline("card_declined", "fraudulent", "Your card was declined.", is_blocked=True)

LOST = Decline("card_declined", "lost_card", "Your card was declined.")

STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.")

VELOCITY = Decline("card_declined", "card_velocity_exceeded", "Your card was declined.")

INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")

EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.", "exp_month")

INCORRECT_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc")

PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)

AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
