"""The command target-stripe-flow, also as `python -m target_stripe_flow`."""

from __future__ import annotations

import gc
import signal


def main() -> None:
    """Run the target. Ctrl-C during the import, which takes a second, ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    from stripe_flow.singer.standard_streams import print_error, standard_streams  # noqa: PLC0415  # see below
    from target_stripe_flow.target import TargetStripeFlow  # noqa: PLC0415  # after the line above

    # Imported objects stay. Letting the collector check them again and again costs more than a tenth of the start.
    gc.freeze()
    gc.enable()

    with standard_streams(print_error):
        try:
            TargetStripeFlow.cli()
        finally:
            gc.freeze()  # for the same reason: the interpreter's last scan frees what ends with the process


if __name__ == "__main__":
    main()
