"""What both plugins do the same way at the edge of their process: command line, settings, output. No Stripe here."""
