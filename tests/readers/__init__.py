"""Feeds read by readers that people use (`make test-readers`)."""
