"""entries -> items of a JSON Feed 1.1; a feed -> what stands around them.

https://www.jsonfeed.org/version/1.1/. What it has no name for (credits and licences of pictures, sources) stands
in an object of our own, whose name begins with `_` as its section "Extensions" asks.
"""

from __future__ import annotations

import json
from typing import Any, Final

from feedpub.feeds.addresses import ascii_url, feed_url
from feedpub.feeds.catalog import FeedSpec, site_title
from feedpub.feeds.entries import Entry, Look
from feedpub.feeds.namespaces import atom_date, comments_url
from feedpub.feeds.rss_atom import Around
from feedpub.feeds.texts import language_tag, line
from feedpub.model import Article, Image

MEDIA_TYPE: Final = "application/feed+json"
TAIL: Final = b"\n]}\n"


def json_item(entry: Entry, look: Look, *, full: bool = True) -> bytes:
    """Render one entry."""
    article, body = entry.article, look.body(entry, full=full)
    item: dict[str, Any] = {
        "id": article.guid,
        "url": look.url(article),
        "title": article.title,
        "content_html": body,
        # One of the two must be there (§ Items).
        "content_text": "" if body else article.summary or article.title or look.url(article),
        "summary": article.summary,
        "image": article.images[0].url if article.images else "",
        "date_published": atom_date(article.published),
        "date_modified": atom_date(article.updated),
        "authors": [{"name": author} for author in article.authors],
        "tags": list(look.terms(article)),
        "language": look.other_language(article),
        "_feedpub": _some(
            images=[_image(image) for image in dict.fromkeys(article.images)],
            links=[_some(rel=link.rel, url=link.url, title=link.title) for link in dict.fromkeys(article.links)],
            comments=_comments(entry, article),
        ),
    }
    return _written({name: value for name, value in item.items() if value})


def json_frame(spec: FeedSpec, look: Look, around: Around) -> tuple[bytes, bytes]:
    """What stands before and behind the items of a feed. `next_url` leads through the archive, backwards."""
    site, options = look.site, look.options
    top = _some(
        version="https://jsonfeed.org/version/1.1",
        title=line(spec.title) or site_title(site),
        home_page_url=ascii_url(site.url),
        feed_url=feed_url(options.base_url, around.address, "json"),
        description=line(site.description),
        next_url=feed_url(options.base_url, around.prev, "json") if around.prev else "",
        icon=options.logo or options.icon,
        favicon=options.icon,
        authors=[{"name": site_title(site)}],
        language=language_tag(site.language),
        hubs=[{"type": "WebSub", "url": hub} for hub in around.hubs],
        _feedpub=_some(rights=look.license),
    )
    return _written(top)[:-1] + b', "items": [\n', TAIL


def _comments(entry: Entry, article: Article) -> dict[str, Any]:
    if entry.reply is not None:
        return {"in_reply_to": entry.reply.ref, "url": entry.reply.href}
    return {"count": entry.comments, "url": comments_url(article.url)} if entry.comments and article.url else {}


def _image(image: Image) -> dict[str, Any]:
    return _some(url=image.url, alt=image.alt, credit=image.credit, license=image.license)


def _some(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON can hold
    return {name: value for name, value in members.items() if value}


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
