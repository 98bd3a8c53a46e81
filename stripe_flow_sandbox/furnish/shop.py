"""What `--furnish` puts into an account: one object of every kind in each round, and how they refer to each other.

A round is one customer's month: a product with a price, a subscription, its invoice, the payment of it, what is given
back of the payment, and the payout of the rest. The amounts of one round add up.
"""

from __future__ import annotations

from stripe_flow_sandbox.furnish.shop_billing import BILLING, PAYMENT
from stripe_flow_sandbox.furnish.shop_catalog import ACCOUNTS, CATALOG, CUSTOMERS
from stripe_flow_sandbox.furnish.shop_money import CHECKOUT, CONNECT, HOOKS, ISSUING, MONEY

SHOP = (*CATALOG, *ACCOUNTS, *CUSTOMERS, *BILLING, *PAYMENT, *CHECKOUT, *CONNECT, *ISSUING, *MONEY, *HOOKS)
