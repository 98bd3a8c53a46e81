"""`python -m target_stripe_flow` is the command target-stripe-flow."""

from target_stripe_flow.target import TargetStripeFlow

if __name__ == "__main__":
    TargetStripeFlow.cli()
