"""What we have seen, what we owe, what we have said."""
