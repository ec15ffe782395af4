"""Store `wordpress`: a site read through its REST API, as any visitor may."""

from feedpub.stores.wordpress.store import WordPressOptions

__all__ = ["WordPressOptions"]
