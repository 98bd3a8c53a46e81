"""What an account holds, and what has been asked."""
