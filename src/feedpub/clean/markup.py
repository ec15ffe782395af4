"""HTML as authors write it -> HTML that is safe in every reader; HTML -> plain text."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

import nh3

from feedpub.clean import lazy
from feedpub.clean.characters import line, text
from feedpub.clean.urls import srcset, url


def _names(table: str) -> frozenset[str]:
    return frozenset(table.split())


# What the W3C feed validator calls a security risk is not in these tables: no warning is the bar. Classes, ids
# and styles mean nothing outside the site's own pages; a link to a footnote leads there.
_INLINE = _names(
    "a abbr acronym b bdi big cite code data del dfn em i img ins kbd mark picture q rp rt ruby s samp small source "
    "span strike strong sub sup time track tt u var wbr"
)
_BLOCKS = _names(
    "address article aside audio blockquote br caption center col colgroup dd details div dl dt figcaption figure "
    "footer h1 h2 h3 h4 h5 h6 header hgroup hr li main nav ol p pre section summary table tbody td tfoot th thead tr "
    "ul video"
)
_TAGS = _INLINE | _BLOCKS
UNSEEN = _names("script style template noscript iframe noembed noframes textarea select datalist button title")
"""What vanishes with all that stands in it. A form goes, its text stays: whole pages are forms on some sites."""

_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"lang", "dir", "title"},
    "a": {"href", "hreflang"},
    "audio": {"src"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "data": {"value"},
    "del": {"cite", "datetime"},
    "details": {"open"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "loading"},
    "ins": {"cite", "datetime"},
    "li": {"value"},
    "ol": {"start", "reversed", "type"},
    "q": {"cite"},
    "source": {"src", "srcset", "sizes", "type", "media"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "time": {"datetime"},
    "track": {"src", "kind", "srclang", "label"},
    "video": {"src", "poster", "width", "height"},
}
_ADDRESSES = frozenset({"href", "src", "poster", "cite"})
_EMBEDS: dict[str, set[str]] = {
    "iframe": {"src", "title"},
    "embed": {"src", "title"},
    "audio": {"src", "controls", "title"},
    "video": {"src", "controls", "title", "poster", "width", "height"},
}

Keep = Callable[[str, str, str], str | None]


def _cleaner(tags: frozenset[str], attributes: dict[str, set[str]], keep: Keep | None = None) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=tags,
        attributes=attributes,
        clean_content_tags=UNSEEN - tags,
        attribute_filter=keep,
        url_schemes={"http", "https"},
        link_rel=None,
    )


_KNOWN = _ATTRIBUTES | _EMBEDS
READ: dict[str, set[str]] = _KNOWN | {tag: _KNOWN[tag] | waiting for tag, waiting in lazy.ATTRIBUTES.items()}
"""Every attribute that the cleaning looks at, by tag."""

_SAFE = _cleaner(_TAGS, _ATTRIBUTES)
_BARE = _cleaner(_BLOCKS | {"rt", "rp"}, {})
_OPEN = _cleaner(_TAGS | {"iframe", "embed", "noscript"}, READ)

# These read what nh3 wrote, never what an author wrote: there, every < begins a tag and every attribute stands
# in double quotes, with < and > escaped.
_EMBED = re.compile(r"<(?:iframe((?: [a-z]+=\"[^\"]*\")*)>.*?</iframe>|embed((?: [a-z]+=\"[^\"]*\")*)>)", re.DOTALL)
_PLAYER = re.compile(r"<(audio|video)([^>]*) controls=\"[^\"]*\"([^>]*)>(.*?)</\1>", re.DOTALL)
_ATTRIBUTE = re.compile(r" (src|title)=\"([^\"]*)\"")
_NO_PICTURE = re.compile(r"<img(?: (?!src)[a-z]+=\"[^\"]*\")*>")
_LINE_ENDS_OF_PRE = re.compile(r"(<pre(?: [^>]*)?>)\n+")
_RUBY = re.compile(r"<rp(?: [^>]*)?>.*?</rp>|<(/?)rt(?: [^>]*)?>", re.DOTALL)
_INLINE_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_INLINE))})(?: [^>]*)?>")
_TAG = re.compile(r"<[^>]*>")
_MEDIA = re.compile("<(?:img|video|audio) ")

_ADDRESS_ALONE = re.compile(r"<(p|div)((?: [^>]*)?)>\s*(https?://[^\s<]+)\s*</\1>")
"""What stands for a film or a post where nobody asked its site how to show it (WordPress's blocks of embeds)."""
_QUOTED_BEFORE = re.compile(r"#\?secret=\w+\Z")
"""How WordPress ends the address of a frame that shows a post of its own kind: the post's link stands before it."""

_MAY_EMBED = re.compile(r"<(?:iframe|embed|audio|video)\b", re.IGNORECASE)
_PASSES = 6


def html(value: str, base: str) -> str:
    """Make HTML safe: known tags and attributes only, http(s) addresses only, all of them absolute.

    What waits for a script is there at once. What a reader may refuse to show can still be opened: an iframe or
    embed becomes a link, as does an address that stands alone, and a link follows a player. The same again for its
    own result. HTML too tangled to come to rest in a few passes goes out as text.
    """
    said = source(value)
    if _MAY_EMBED.search(said) or lazy.waits(said):
        said = _with_links(lazy.loaded(_OPEN.clean(said), base), base)
    safe = _tidy(_cleaner(_TAGS, _ATTRIBUTES, _absolute(base)).clean(said))
    safe = _ADDRESS_ALONE.sub(_linked, safe)
    for _ in range(_PASSES):
        # Dropping a tag can bring together what HTML does not allow to nest; readers would part it again.
        again = _tidy(_SAFE.clean(safe))
        if again == safe:
            return safe
        safe = again
    return escape(words(safe), quote=False)


def plain_text(html: str) -> str:
    """HTML -> one line of plain text: no tags, entities decoded exactly once, blocks parted by a space."""
    if "<" not in html and "&" not in html:
        return line(html)
    return words(_BARE.clean(source(html)))


def source(value: str) -> str:
    """Write HTML in legal characters, so that parsers read it as its author meant it."""
    # A browser would hide it as a comment; an author who writes it in an article means the characters.
    return text(value).replace("<![CDATA[", "&lt;![CDATA[")


def words(safe: str) -> str:
    """Read the plain text of what `html` or nh3 wrote; a reading (ruby) follows its word in parentheses."""
    if "<rt" in safe:
        safe = _RUBY.sub(lambda tag: "" if tag[1] is None else ")" if tag[1] else "(", safe)
    return line(unescape(_TAG.sub(" ", _INLINE_TAG.sub("", safe))))


def shows(safe: str) -> bool:
    """Whether there is anything to see or hear in what `html` wrote: text, a picture, a film, a sound."""
    return bool(_MEDIA.search(safe) or words(safe))


def _tidy(markup: str) -> str:
    """Even out what the parser lets through: references to illegal characters, pictures without an address."""
    markup = _NO_PICTURE.sub("", text(markup)).strip(" \t\n")
    # A parser drops the first line end of each <pre>, one more every time the result is read.
    return _LINE_ENDS_OF_PRE.sub(r"\1", markup) if "<pre" in markup else markup


def _absolute(base: str) -> Keep:
    def keep(_tag: str, attribute: str, value: str) -> str | None:
        if attribute in _ADDRESSES:
            return url(value, base) or None
        return (srcset(value, base) or None) if attribute == "srcset" else value

    return keep


def _with_links(markup: str, base: str) -> str:
    """Put links where readers may show nothing; the result is cleaned again."""

    def instead(embed: re.Match[str]) -> str:
        return _link(embed[1] or embed[2] or "", base)

    def after(player: re.Match[str]) -> str:
        name, before, behind, inside = player.groups()
        return f"<{name}{before}{behind}>{inside}</{name}>" + _link("".join(_TAG.findall(player[0])), base)

    return _PLAYER.sub(after, _EMBED.sub(instead, markup))


def _linked(alone: re.Match[str]) -> str:
    tag, attributes, said = alone.groups()
    address = url(unescape(said), "")
    return f'<{tag}{attributes}><a href="{escape(address)}">{said}</a></{tag}>' if address else alone[0]


def _link(tags: str, base: str) -> str:
    """Make a link to the first `src`, named by the first `title`; nothing where it leads nowhere."""
    said = dict(reversed(_ATTRIBUTE.findall(tags)))
    source = unescape(said.get("src", ""))
    address = "" if _QUOTED_BEFORE.search(source) else url(source, base)
    return f'<a href="{escape(address)}">{said.get("title") or escape(address)}</a>' if address else ""
