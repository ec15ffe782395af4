"""The embedded store's file: its schema, its transactions, its rows."""
