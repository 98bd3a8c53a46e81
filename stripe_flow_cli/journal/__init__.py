"""`stripe-flow journal …`: one module for each group of commands."""
