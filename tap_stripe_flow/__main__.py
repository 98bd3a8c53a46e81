"""The command tap-stripe-flow, also as `python -m tap_stripe_flow`."""

from __future__ import annotations

import gc
import signal


def main() -> None:
    """Run it. Ctrl-C while Python still imports, which takes a second, ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    from tap_stripe_flow.tap import TapStripeFlow  # noqa: PLC0415  # not before the line above

    # What was imported stays: to look through it for what does not, time and again, is more than a tenth of the start.
    gc.freeze()
    gc.enable()

    TapStripeFlow.cli()


if __name__ == "__main__":
    main()
