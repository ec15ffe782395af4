"""What to say where, when, and in which words: pure."""
