"""One request, executed."""
