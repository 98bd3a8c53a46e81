"""A small Singer source of CSV and JSONL rows. It knows nothing of Stripe."""
