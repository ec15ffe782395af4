"""A folder of Markdown or HTML files with front matter, as Hugo, Jekyll and Eleventy have it, as a store."""

from feedpub.stores.markdown.store import MarkdownOptions

__all__ = ["MarkdownOptions"]
