"""How a record ends, and where that is written. Imports nothing else of the target."""
