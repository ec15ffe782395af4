"""Every store, by name."""
