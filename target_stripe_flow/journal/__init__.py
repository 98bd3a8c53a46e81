"""The journal: each request to Stripe, stored before it is sent, and its outcome. Storage only."""
