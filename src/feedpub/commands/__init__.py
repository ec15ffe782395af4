"""What people tell feedpub to do, each command a room of its own: they look, ask the ledger, and leave the rest to it.

moments.py   what people say of a moment -> that moment
deciding.py  what becomes of deliveries by a person's word
briefs.py    a short topic -> the desk, where the next poll finds it
"""
