"""One list of Stripe's, page by page. Imports nothing else of the tap."""
