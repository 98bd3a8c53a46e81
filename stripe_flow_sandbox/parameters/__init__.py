"""What a call may send, and how it is read."""
