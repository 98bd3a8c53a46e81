"""The operator's command, `stripe-flow`."""

from stripe_flow.cli.root import main

__all__ = ["main"]
