"""The table of streams: one entry for each list of the Stripe API."""

from __future__ import annotations

from tap_stripe_flow.streams.billing import BILLING
from tap_stripe_flow.streams.catalog import CATALOG
from tap_stripe_flow.streams.connect import CONNECT
from tap_stripe_flow.streams.customers import OF_CUSTOMERS
from tap_stripe_flow.streams.issuing import ISSUING
from tap_stripe_flow.streams.payments import PAYMENTS
from tap_stripe_flow.streams.spec import ChildOf, Schema, StreamSpec, as_column

__all__ = ["STREAMS", "ChildOf", "Schema", "StreamSpec", "as_column"]

STREAMS: tuple[StreamSpec, ...] = (*PAYMENTS, *OF_CUSTOMERS, *CATALOG, *BILLING, *CONNECT, *ISSUING)
