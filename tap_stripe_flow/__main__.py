"""The command tap-stripe-flow, also as `python -m tap_stripe_flow`."""

from __future__ import annotations

import gc
import signal


def main() -> None:
    """Run the tap. Ctrl-C during the imports, which take a second, ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    from stripe_flow.singer.standard_streams import print_error, standard_streams  # noqa: PLC0415  # see below
    from tap_stripe_flow.tap import TapStripeFlow  # noqa: PLC0415  # not before the line above

    # Imported modules stay in memory. Scanning them for garbage repeatedly would take a tenth of the start-up time.
    gc.freeze()
    gc.enable()

    with standard_streams(print_error):
        try:
            TapStripeFlow.cli()
        finally:
            gc.freeze()  # for the same reason: the interpreter's last scan frees what ends with the process


if __name__ == "__main__":
    main()
