"""Networks met as they are: servers that others wrote (`make test-networks`)."""
