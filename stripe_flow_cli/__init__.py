"""The operator's command, `stripe-flow`."""

from stripe_flow_cli.root import main

__all__ = ["main"]
