"""The command tap-stripe-flow, also as `python -m tap_stripe_flow`."""

from __future__ import annotations

import signal


def main() -> None:
    """Run it. Ctrl-C while Python still imports, which takes a second, ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tap_stripe_flow.tap import TapStripeFlow  # noqa: PLC0415  # not before the line above

    TapStripeFlow.cli()


if __name__ == "__main__":
    main()
