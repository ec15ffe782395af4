"""Store `feed`: a RSS, Atom or JSON feed that somebody publishes on the web.

store.py      the document as it is now + what was seen of it -> batches
asking.py     the address -> the document, if it is another one than before
answers.py    one HTTP answer -> the document in it, where to go on, or a StoreError
place.py      the opaque cursor <-> what was seen
parsing.py    bytes -> the feed in them; the rest of this room helps with that
"""

from feedpub.stores.feed.store import FeedOptions

__all__ = ["FeedOptions"]
