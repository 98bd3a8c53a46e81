"""What a record of each stream becomes at Stripe: the table of actions and its rules. Imports attempts, results."""
