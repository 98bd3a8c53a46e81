"""A local server that imitates the parts of Stripe that the plugins use. It is not Stripe."""
