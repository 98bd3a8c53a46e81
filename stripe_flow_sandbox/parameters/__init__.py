"""The parameters that each call accepts, and how they are read."""
