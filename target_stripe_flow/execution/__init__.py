"""What is done for one record, from its identity to the answer. Imports actions, journal, attempts, results."""
