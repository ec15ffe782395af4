"""HTML that waits for a script -> the same HTML, with what the script would have loaded in its place.

Lazy loaders put an address where no browser looks (`data-src`), something empty where browsers do look, and often
the picture once more in <noscript>. Feed readers run no scripts.
"""

from __future__ import annotations

import re
from html import escape, unescape
from urllib.parse import urlsplit

import nh3

from feedpub.clean.urls import largest, srcset, url

# What the plugins of WordPress and the libraries of scripts write; where two are said, the first holds.
_LATER: dict[str, tuple[str, ...]] = {
    "src": ("data-lazy-src", "data-src", "data-original", "data-orig-src", "data-lazy", "data-layzr"),
    "srcset": ("data-lazy-srcset", "data-srcset", "data-orig-srcset"),
    "sizes": ("data-lazy-sizes", "data-sizes"),
    "poster": ("data-lazy-poster", "data-poster"),
}
_WAITS: dict[str, tuple[str, ...]] = {
    "audio": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset", "sizes"),
    "source": ("src", "srcset", "sizes"),
    "video": ("src", "poster"),
}
ATTRIBUTES: dict[str, set[str]] = {
    tag: {"class"}.union(*(_LATER[name] for name in names)) for tag, names in _WAITS.items()
}
"""What a cleaner must let through, with <noscript>, before `loaded` reads its result."""

_FALLBACKS = re.compile(r"<noscript\b", re.IGNORECASE)
_ADDRESSES = re.compile(r"\bdata-(?:lazy|src|original|orig-src|layzr|poster)", re.IGNORECASE)

# A file whose name has only such words stands in for another: /img/lazy-placeholder.gif, /1x1.trans.gif.
_STAND_INS = {
    *("1x1", "blank", "clear", "dummy", "empty", "gray", "grey", "lazy", "lazyload", "load", "loader", "loading"),
    *("pixel", "placeholder", "spacer", "spinner", "trans", "transparent", "white"),
}
_BESIDE_THEM = {"ajax", "avif", "bg", "default", "gif", "image", "img", "jpeg", "jpg", "png", "svg", "webp"}
_NAME_PARTS = re.compile(r"(?<![0-9])1x1(?![0-9])|[a-z]+")

_BY_CLASS = re.compile(r"(?<![\w-])(?!no-|skip-)[\w-]*lazy(?!-?loaded)", re.IGNORECASE)
"""By this name the script finds what it has still to load, whatever `src` says so far."""
_WAITED = ' class="waited"'

_PICTURES_ONLY = nh3.Cleaner(
    tags={"picture", "source", "img"},
    attributes={
        "img": ATTRIBUTES["img"] | {"src", "srcset", "sizes", "alt", "title", "width", "height", "style"},
        "source": ATTRIBUTES["source"] | {"srcset", "sizes", "type", "media"},
    },
    url_schemes={"http", "https"},
    link_rel=None,
)
_PICTURE_FILE = re.compile(r"\.(?:avif|bmp|gif|jpe?g|png|svg|webp)\Z", re.IGNORECASE)
_SIZE_IN_NAME = re.compile(r"-[0-9]+x[0-9]+(?=\.[a-z]+\Z)", re.IGNORECASE)
_UNSEEN = re.compile(r"display:\s*none|visibility:\s*hidden|-[0-9]{3,}px", re.IGNORECASE)

# These read what nh3 wrote, as those of `markup` do. What stands in <noscript> or <iframe> is still as its author
# wrote it, up to the end tag.
_ELEMENT = re.compile(
    r"<noscript[^>]*>(?P<fallback>.*?)</noscript>|<iframe(?P<frame>[^>]*)>.*?</iframe>"
    r"|<(?P<tag>audio|img|source|video)(?P<said>[^>]*)>",
    re.DOTALL,
)
_PLACE = re.compile(r"(<noscript>.*?</noscript>|<img[^>]*>)", re.DOTALL)
_PICTURE = re.compile(r"<picture[^>]*>.*?</picture>|<img[^>]*>", re.DOTALL)
_IMG = re.compile(r"<img([^>]*)>")
_ATTRIBUTE = re.compile(r" ([a-z-]+)=\"([^\"]*)\"")
_TAG = re.compile(r"<[^>]*>")


def waits(source: str) -> bool:
    """Whether anything in HTML may wait for a script. Quick: in most of it nothing does."""
    return bool(_FALLBACKS.search(source)) or ("data-" in source and bool(_ADDRESSES.search(source)))


def loaded(markup: str, base: str) -> str:
    """Put every address where readers look, in what nh3 wrote with `ATTRIBUTES` and <noscript> let through.

    An address that is fine stays. Of a picture and its <noscript> one comes out; whatever else stands in <noscript>
    goes, the pixels that count visitors too. The result has to be cleaned again.
    """
    markup = _ELEMENT.sub(lambda found: _element(found, base), markup)
    return _once(markup, base) if "<noscript>" in markup else markup


def _element(found: re.Match[str], base: str) -> str:
    if found["fallback"] is not None:
        inside = loaded(_PICTURES_ONLY.clean(found["fallback"]), base)
        return f"<noscript>{''.join(filter(_is_for_readers, _PICTURE.findall(inside)))}</noscript>"
    if found["frame"] is not None:
        return f"<iframe{_attributes('iframe', found['frame'], base)}></iframe>"
    return f"<{found['tag']}{_attributes(found['tag'], found['said'], base)}>"


# ---------------------------------------------------------------- where an address is


def _attributes(tag: str, written: str, base: str) -> str:
    """What a tag says once the script has run; as it was where it waits for none."""
    said = _said(written)
    now = {name: value for name, value in said.items() if name not in ATTRIBUTES[tag]}
    if len(now) == len(said):
        return written
    by_class = bool(_BY_CLASS.search(said.get("class", "")))
    waited = by_class or _stands_in(now.get("src", ""), base)
    if waited:
        now |= _later("src", said, base)
    if tag == "video" and _stands_in(now.get("poster", ""), base):
        now |= _later("poster", said, base)
    # A picture whose `src` is fine and that has no `srcset` is whole.
    if (waited or "srcset" in now) and (by_class or _stands_in(largest(now.get("srcset", ""), base), base)):
        now |= _later("srcset", said, base)
    if tag == "img" and _stands_in(now.get("src", ""), base) and (best := largest(now.get("srcset", ""), base)):
        now["src"] = best
    return "".join(f' {name}="{escape(value)}"' for name, value in now.items()) + (_WAITED if waited else "")


def _later(name: str, said: dict[str, str], base: str) -> dict[str, str]:
    """Find what the script would write into the attribute `name`, and into what goes with it."""
    made = srcset if name == "srcset" else url
    found = next((found for key in _LATER[name] if (found := made(said.get(key, ""), base))), "")
    if not found or name != "srcset":
        return {name: found} if found else {}
    # "auto" is for the script to measure.
    sizes = next((said[key] for key in _LATER["sizes"] if said.get(key, "auto").strip() != "auto"), "")
    return {name: found, "sizes": sizes} if sizes else {name: found}


def _stands_in(value: str, base: str) -> bool:
    """Whether an address leads nowhere or, by its name, to an empty picture."""
    address = url(value, base)
    parts = set(_NAME_PARTS.findall(address.partition("?")[0].rpartition("/")[2].lower()))
    return not address or (parts <= _STAND_INS | _BESIDE_THEM and not parts.isdisjoint(_STAND_INS))


# ---------------------------------------------------------------- what is there twice


def _once(markup: str, base: str) -> str:
    """Put the pictures of each <noscript> where it stands, but for those that are there already."""
    parts = _PLACE.split(markup)
    there = {_known_as(part, base) for part in parts if part.startswith("<img")} - {""}
    copies: dict[str, str] = {}
    made = list(parts)
    for at, part in enumerate(parts):
        if not part.startswith("<noscript>"):
            continue
        pictures = [(picture, _known_as(picture, base)) for picture in _PICTURE.findall(part)]
        copies |= {known: picture for picture, known in pictures if known in there}
        missing = {known: picture for picture, known in pictures if known not in there}
        made[at] = "".join(missing.values())
        for near in _near(parts, at):
            if _is_for(parts[near], missing, base):
                made[near] = ""
    return "".join(_completed(part, copies, base) for part in made)


def _near(parts: list[str], at: int) -> list[int]:
    """Where the pictures directly before and after are, no word between."""
    pairs = ((at - 1, at - 2), (at + 1, at + 2))
    return [
        place
        for gap, place in pairs
        if 0 < place < len(parts) and parts[place].startswith("<img") and not _TAG.sub("", parts[gap]).strip()
    ]


def _is_for(img: str, missing: dict[str, str], base: str) -> bool:
    """Whether a picture beside a <noscript> only waits for what is in there; its address may be a proxy's."""
    files = {known.rpartition("/")[2] for known in missing}
    by_name = _WAITED in img and _known_as(img, base).rpartition("/")[2] in files
    return bool(missing) and (by_name or _stands_in(_shown(img).get("src", ""), base))


def _completed(part: str, copies: dict[str, str], base: str) -> str:
    """Add what only the copy says (a parser keeps the first of two attributes with one name)."""
    if not copies or not part.startswith("<img") or not (copy := copies.get(_known_as(part, base))):
        return part
    return f"{part[:-1]}{''.join(_IMG.findall(copy))}>"


def _known_as(picture: str, base: str) -> str:
    """Name a picture so that its copy in another size, or asked for in another way, has the same name."""
    address = url(_shown(picture).get("src", ""), base)
    parts = urlsplit(address)
    path = _SIZE_IN_NAME.sub("", parts.path)
    return f"{parts.netloc}{path}" if _PICTURE_FILE.search(path) else address


def _is_for_readers(picture: str) -> bool:
    """Whether a picture in <noscript> is one: not a pixel, not hidden, and with something that says so."""
    said = _shown(picture)
    sizes = {said[name].strip().removesuffix("px") for name in ("width", "height") if said.get(name)}
    if not said.get("src") or sizes & {"0", "1"} or _UNSEEN.search(said.get("style", "")):
        return False
    return bool(sizes or said.get("alt") or _PICTURE_FILE.search(said["src"].partition("?")[0]))


def _shown(picture: str) -> dict[str, str]:
    """What the <img> of a picture says; nothing where there is none."""
    found = _IMG.search(picture)
    return _said(found[1]) if found else {}


def _said(written: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(written)}
