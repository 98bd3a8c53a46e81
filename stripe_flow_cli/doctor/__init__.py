"""`stripe-flow doctor`: is this connection fit for a run?"""

from stripe_flow_cli.doctor.command import doctor

__all__ = ["doctor"]
