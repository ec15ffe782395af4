"""Every network, by name."""
