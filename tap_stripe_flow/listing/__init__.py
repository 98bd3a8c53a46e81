"""One Stripe list: pages, records and nested lists. Imports no other package of the tap."""
