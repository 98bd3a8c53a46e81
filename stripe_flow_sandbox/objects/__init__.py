"""What the calls of each kind of object do."""
