"""Articles -> feed files: pure."""
