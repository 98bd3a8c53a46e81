"""`python -m tap_stripe_flow` is the command tap-stripe-flow."""

from tap_stripe_flow.tap import TapStripeFlow

if __name__ == "__main__":
    TapStripeFlow.cli()
