"""a reader's comment -> the entry that feeds make of it."""

from __future__ import annotations

from urllib.parse import quote

from feedpub.feeds.addresses import entry_id
from feedpub.feeds.entries import Entry, Look
from feedpub.feeds.namespaces import Reply
from feedpub.feeds.texts import short, words
from feedpub.model import Article, Comment

ABOUT = 40
"""Characters of an article's title in that of a comment: who said it should be seen too."""


def comment_entry(comment: Comment, about: Article, look: Look, *, parent_there: bool) -> Entry:
    """Dress a comment as an article: flat, its place in the thread told by what it answers (RFC 4685 §3).

    `parent_there`: the comment that it answers can be named; else it answers the article.
    """
    own = words(look.site.language)
    answered = comment.parent if parent_there else ""
    author = comment.author or own["somebody"]
    article = Article(
        store=comment.store,
        id=comment.id,
        guid=_id(about, comment.id),
        url=comment.url,
        title=own["comment_title"].format(author=author, title=short(about.title or about.summary, ABOUT)),
        summary=comment.summary,
        content=comment.content,
        published=comment.published,
        updated=comment.published,
        authors=(author,),
        language=about.language,
    )
    ref = entry_id(_id(about, answered) if answered else about.guid, look.site)
    return Entry(article, reply=Reply(ref, look.url(about)))


def _id(about: Article, comment: str) -> str:
    """Name a comment as WordPress does: by its article, and its number."""
    return f"{about.guid}#comment-{quote(comment, safe='')}"
