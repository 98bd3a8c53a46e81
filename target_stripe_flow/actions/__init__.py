"""The table of actions, one for each stream, and the rules for their records. Imports attempts, results."""
