"""What both plugins share at the edge of their process: command line, settings, logs and output. No Stripe here."""
