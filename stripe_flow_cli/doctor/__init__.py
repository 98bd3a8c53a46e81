"""`stripe-flow doctor`: check whether a connection is ready for a run."""

from stripe_flow_cli.doctor.command import doctor

__all__ = ["doctor"]
