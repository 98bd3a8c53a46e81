"""Objects, ids and errors as Stripe writes them."""
