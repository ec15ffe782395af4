"""a store's row -> Comment, or why it is quarantined. Strangers write these: nothing of them is trusted."""

from __future__ import annotations

from urllib.parse import quote

from feedpub.clean.characters import opening, text
from feedpub.clean.markup import html, plain_text, shows, words
from feedpub.clean.needed import Unfit, identity, published
from feedpub.clean.urls import url
from feedpub.model import Comment, Quarantined, RawComment, Site


def comment(raw: RawComment, *, store: str, site: Site, article_url: str) -> Comment | Quarantined:
    """Clean one comment of `store`. Never raises, whatever the row holds.

    `article_url` is the clean address of its article ("": it has none, and the site's front page stands for it).
    An author without a name is "". A name loses its tags: what a reader writes there is no markup.
    A date in the future stays there, as with articles.
    """
    try:
        return _cleaned(raw, store, site, article_url or site.url)
    except Unfit as why:
        return Quarantined(id=text(raw.id), reason=str(why))


def _cleaned(raw: RawComment, store: str, site: Site, page: str) -> Comment:
    key = identity(raw.id, "a comment")
    parent = text(raw.parent)
    content = html(raw.content, page)
    if not shows(content):
        raise Unfit("it has no text and no image")
    return Comment(
        store=store,
        id=key,
        article=_article(raw),
        parent="" if parent == key else parent,
        author=plain_text(raw.author),
        content=content,
        published=published(raw.published, site.zone),
        # The place where WordPress shows it; elsewhere it leads at least to the article.
        url=url(raw.url, page) or f"{page.partition('#')[0]}#comment-{quote(key, safe='')}",
        summary=opening(words(content)),
    )


def _article(raw: RawComment) -> str:
    if not (article := text(raw.article)).strip():
        raise Unfit("article is missing: a comment must say which one it is about")
    return article
