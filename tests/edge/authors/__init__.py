"""Authors: one for each store, who does in the store's own way what its contract tells of (test_store_contract.py)."""
