"""The journal: what was sent to Stripe, written down before it was sent, and what became of it."""
