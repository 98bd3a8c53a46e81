"""Streams of the catalog: products, prices, discounts, shipping rates and taxes."""

from __future__ import annotations

from tap_stripe_flow.streams.spec import StreamSpec

CATALOG = (
    StreamSpec(
        name="products",
        kind="product",
        path="/v1/products",
        permission="rak_product_read",
        events=("product.updated",),
        deleted_by=("product.deleted",),
    ),
    StreamSpec(
        name="prices",
        kind="price",
        path="/v1/prices",
        permission="rak_plan_read",
        events=("price.updated",),
        deleted_by=("price.deleted",),
        list_hides=True,  # it shows active ones only
    ),
    StreamSpec(
        name="plans",
        kind="plan",
        path="/v1/plans",
        permission="rak_plan_read",
        events=("plan.updated",),
        deleted_by=("plan.deleted",),
    ),
    StreamSpec(
        name="coupons",
        kind="coupon",
        path="/v1/coupons",
        permission="rak_coupon_read",
        events=("coupon.updated",),
        deleted_by=("coupon.deleted",),
    ),
    StreamSpec(
        name="promotion_codes",
        kind="promotion_code",
        path="/v1/promotion_codes",
        permission="rak_promotion_code_read",
        events=("promotion_code.updated",),
    ),
    StreamSpec(
        name="shipping_rates", kind="shipping_rate", path="/v1/shipping_rates", permission="rak_shipping_rate_read"
    ),
    StreamSpec(
        name="tax_rates",
        kind="tax_rate",
        path="/v1/tax_rates",
        permission="rak_tax_rate_read",
        events=("tax_rate.updated",),
    ),
    StreamSpec(name="tax_ids", kind="tax_id", path="/v1/tax_ids", permission="rak_customer_read", stamp=None),
    StreamSpec(name="tax_codes", kind="tax_code", path="/v1/tax_codes", permission="rak_product_read", stamp=None),
)
