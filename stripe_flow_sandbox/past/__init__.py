"""The past that an account starts with."""
