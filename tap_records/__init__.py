"""Singer tap for rows in CSV and JSONL files. It contains nothing about Stripe."""
