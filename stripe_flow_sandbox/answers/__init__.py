"""How objects and errors are written, as Stripe writes them."""
