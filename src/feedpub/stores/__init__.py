"""Every store, by name."""

from typing import Annotated

from pydantic import Field

from feedpub.stores.feed import FeedOptions
from feedpub.stores.markdown import MarkdownOptions
from feedpub.stores.sql import SqlOptions
from feedpub.stores.wordpress import WordPressOptions

AnyStore = Annotated[FeedOptions | MarkdownOptions | SqlOptions | WordPressOptions, Field(discriminator="kind")]
"""The options of one `[stores.NAME]`, picked by its `kind`."""

__all__ = ["AnyStore", "FeedOptions", "MarkdownOptions", "SqlOptions", "WordPressOptions"]
