"""What the W3C's feed validator says of a feed file at its strictest, and what it is too old to say.

The message names are its own (RFC 6721, JSON Feed and a few words of RFC 4685 and 5005 it does not know: those names
are ours). Where it overlooks a fault for a technical reason (it scans only some addresses in HTML), we do not.
"""
