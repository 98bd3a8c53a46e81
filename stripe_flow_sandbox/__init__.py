"""A local server that behaves like Stripe in all that the plugins use. It is not Stripe."""
