"""The tap that asks for no compressed answers: `python -m tests.benchmarks.ungzipped --config …`.

The product has no such switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stripe_flow.api.transport import RawAnswer, Transport
from tap_stripe_flow.tap import TapStripeFlow


def main() -> None:
    exchange = Transport.exchange

    def uncompressed(
        self: Transport, method: str, url: str, headers: Mapping[str, str], *rest: Any, **options: Any
    ) -> RawAnswer:
        return exchange(self, method, url, {**headers, "Accept-Encoding": "identity"}, *rest, **options)

    setattr(Transport, "exchange", uncompressed)  # noqa: B010  # mypy takes no function for a method
    TapStripeFlow.cli()


if __name__ == "__main__":
    main()
