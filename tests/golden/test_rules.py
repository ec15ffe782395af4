"""The checkers themselves: a good file has no fault, and each fault is told by its name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.golden.rules import OF_ARTICLES, assert_feed, complaints
from tests.golden.w3c.values import canonical

NOW = datetime(2026, 11, 23, tzinfo=UTC)

RSS = """<?xml version='1.0' encoding='UTF-8'?>
<?xml-stylesheet type="text/css" href="feed.css"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:creativeCommons="http://backend.userland.com/creativeCommonsRssModule" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:fh="http://purl.org/syndication/history/1.0" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:thr="http://purl.org/syndication/thread/1.0">
<channel>
<title>航空ニュース</title>
<link>https://example.com/</link>
<description>航空と防衛の記事</description>
<atom:link rel="self" href="https://example.com/feeds/all.rss" type="application/rss+xml"/>
<atom:link rel="hub" href="https://hub.example.com/"/>
<atom:link rel="current" href="https://example.com/feeds/all.rss"/>
<atom:link rel="prev-archive" href="https://example.com/feeds/archive/all/7.rss"/>
<fh:archive/>
<generator>feedpub</generator>
<language>ja</language>
<copyright>著者</copyright>
<lastBuildDate>Wed, 29 Apr 2026 01:02:03 +0000</lastBuildDate>
<ttl>60</ttl>
<image>
<url>https://example.com/logo.png</url>
<title>航空ニュース</title>
<link>https://example.com/</link>
</image>
<item>
<title>A &#x26; B &#x3C;b></title>
<link>https://example.com/articles/1/</link>
<description>要約 &amp;amp; 続き</description>
<content:encoded>&lt;p>本文&lt;br>&lt;img src="https://example.com/a.jpg" alt="">&lt;/p></content:encoded>
<guid isPermaLink="false">tag:example.com,2026:1</guid>
<category>米国関連</category>
<enclosure url="https://example.com/a.jpg" length="0" type="image/jpeg"/>
<pubDate>Tue, 28 Apr 2026 00:30:00 +0000</pubDate>
<atom:updated>2026-04-29T01:02:03+00:00</atom:updated>
<dc:creator>山田</dc:creator>
<atom:link rel="via" href="https://example.net/s" title="出典"/>
<creativeCommons:license>https://creativecommons.org/licenses/by/4.0/</creativeCommons:license>
<media:content url="https://example.com/a.jpg" medium="image" type="image/jpeg">
<media:description type="plain">代替</media:description>
<media:credit>撮影者</media:credit>
<media:copyright url="https://example.com/licence">同左</media:copyright>
</media:content>
<media:thumbnail url="https://example.com/a.jpg"/>
<slash:comments>3</slash:comments>
<thr:in-reply-to ref="tag:example.com,2026:0" href="https://example.com/articles/0/" type="text/html"/>
</item>
<item>
<description>短信</description>
<guid isPermaLink="false">tag:example.com,2026:2</guid>
</item>
</channel>
</rss>
"""

ATOM = """<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" xml:lang="ja"
 xmlns:fh="http://purl.org/syndication/history/1.0" xmlns:thr="http://purl.org/syndication/thread/1.0"
 xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:at="http://purl.org/atompub/tombstones/1.0">
<id>https://example.com/feeds/all.atom</id>
<title>航空ニュース</title>
<subtitle>航空と防衛の記事</subtitle>
<updated>2026-04-29T01:02:03+00:00</updated>
<author><name>航空ニュース</name></author>
<link rel="self" href="https://example.com/feeds/all.atom" type="application/atom+xml"/>
<link rel="alternate" href="https://example.com/" type="text/html"/>
<link rel="current" href="https://example.com/feeds/all.atom"/>
<link rel="next-archive" href="https://example.com/feeds/archive/all/8.atom"/>
<fh:archive/>
<generator>feedpub</generator>
<at:deleted-entry ref="tag:example.com,2026:9" when="2026-04-30T00:00:00+00:00"/>
<entry xml:lang="en">
<id>tag:example.com,2026:1</id>
<title>第1号の記事</title>
<updated>2026-04-29T01:02:03Z</updated>
<published>2026-04-28T00:30:00+00:00</published>
<author><name>山田</name></author>
<category term="米国関連"/>
<content type="html">&lt;p>本文&lt;/p></content>
<summary>要約</summary>
<link rel="alternate" href="https://example.com/articles/1/" type="text/html"/>
<link rel="replies" href="https://example.com/feeds/comments.atom" thr:count="3"/>
<link rel="enclosure" href="https://example.com/a.jpg" type="image/jpeg" length="12"/>
<rights>著者</rights>
<media:content url="https://example.com/a.jpg" medium="image"/>
<slash:comments>3</slash:comments>
<thr:in-reply-to ref="tag:example.com,2026:0" href="https://example.com/articles/0/"/>
</entry>
</feed>
"""

JSON: dict[str, Any] = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "航空ニュース",
    "home_page_url": "https://example.com/",
    "feed_url": "https://example.com/feeds/all.json",
    "next_url": "https://example.com/feeds/archive/all/7.json",
    "description": "航空と防衛の記事",
    "icon": "https://example.com/icon.png",
    "authors": [{"name": "航空ニュース", "url": "https://example.com/"}],
    "language": "ja",
    "expired": False,
    "hubs": [{"type": "WebSub", "url": "https://hub.example.com/"}],
    "_feedpub": {"about": "https://example.com/about"},
    "items": [
        {
            "id": "tag:example.com,2026:1",
            "url": "https://example.com/articles/1/",
            "title": "A & B <試験>",
            "content_html": "<p>本文</p>",
            "summary": "要約",
            "image": "https://example.com/a.jpg",
            "date_published": "2026-04-28T00:30:00+00:00",
            "date_modified": "2026-04-29T01:02:03+00:00",
            "authors": [{"name": "山田"}],
            "tags": ["米国関連"],
            "language": "en",
            "attachments": [{"url": "https://example.com/a.jpg", "mime_type": "image/jpeg", "size_in_bytes": 12}],
            "_feedpub": {"images": []},
        },
        {"id": "tag:example.com,2026:2", "content_text": "短信"},
    ],
}

# ---------------------------------------------------------------- no fault


def written(feed: object) -> bytes:
    return json.dumps(feed, ensure_ascii=False).encode()


GOOD = {"rss": RSS.encode(), "atom": ATOM.encode(), "json": written(JSON)}


@pytest.mark.parametrize("ending", GOOD)
def test_a_good_feed_has_no_fault(ending: str) -> None:
    location = f"https://example.com/feeds/all.{ending}"
    assert complaints(ending, GOOD[ending], location=location, now=NOW) == []


# ---------------------------------------------------------------- each fault by its name

IN_XML = [
    ("<?xml ", " <?xml ", "SAXError"),
    ("<?xml version='1.0' encoding='UTF-8'?>\n", "", "WPBlankLine"),
    ("encoding='UTF-8'", "encoding='Shift_JIS'", "SAXError"),
    ("</title>", "</heading>", "SAXError"),
    ("\n<rss", "\n<!DOCTYPE rss [<!ENTITY a 'b'>]>\n<rss", "InvalidDoctype"),
    ("\n<feed", "\n<!DOCTYPE feed [<!ENTITY a 'b'>]>\n<feed", "InvalidDoctype"),
    ("xmlns:media=", 'xmlns:x="https://example.com/x" xmlns:media=', "UnknownNamespace"),
    ("media", "mrss", "NonstdPrefix"),
    ("<fh:archive/>", "<fh:archive/><fh:unknown/>", "UndefinedElement"),
    ("<fh:archive/>", "<fh:archive/><fh:archive/>", "DuplicateElement"),
    ("<fh:archive/>", '<fh:archive since="2026"/>', "UnexpectedAttribute"),
    ("<fh:archive/>", "<fh:complete/>", "FeedRelInCompleteFeed"),
    (' rel="current"', ' rel="related"', "MissingCurrentInArchive"),
    ("-archive", "", "ArchiveIncomplete"),
    ("<slash:comments>3<", "<slash:comments>drei<", "InvalidNonNegativeInteger"),
    ("<slash:comments>3</slash:comments>", "<slash:section>3</slash:section>", "UndefinedElement"),
    (' ref="tag:example.com,2026:0"', "", "MissingAttribute"),
    (' ref="tag:example.com,2026:0"', ' ref="tag:例え,2026:0"', "InvalidTAG"),
    ('url="https://example.com/a.jpg" medium', "medium", "MissingAttribute"),
    ('medium="image"', 'medium="picture"', "InvalidMediaMedium"),
    ('medium="image"', 'medium="image" width="0"', "InvalidPositiveInteger"),
    ('<media:content url="https://example.com/a.jpg"', '<media:content url="a b.jpg"', "InvalidUriChar"),
    ("<media:content", "<media:license/><media:content", "UndefinedElement"),
    ("<media:content", "<media:group></media:group><media:content", "MediaGroupWithoutAlternatives"),
    ('type="image/jpeg"', 'type="jpeg"', "InvalidMIME"),
    (">feedpub<", "><", "NotBlank"),
    (">航空と防衛の記事<", ">&lt;b>航空&lt;/b><", "HTML"),
    ('rel="self"', 'rel="related"', "Self"),
    ('rel="self" href="https://example.com/', 'rel="self" href="/', "RelativeSelf"),
    ("feeds/all", "feeds/elsewhere", "SelfDoesntMatchLocation"),
    ('rel="current"', 'rel="our-own"', "UnregisteredAtomLinkRel"),
    ('rel="current" href="https://example.com/feeds/all', 'rel="current" href="https://example.com/飛行', "UriNotIri"),
    ('rel="current" href="https://example.com/feeds/all', 'rel="current" title="" href="/', "AttrNotBlank"),
    ("2026-04-29T01:02:03", "2026-04-31T01:02:03", "InvalidRFC3339Date"),
    ("2026-04-29T01:02:03", "2027-04-29T01:02:03", "ImplausibleDate"),
    ("2026-04-29T01:02:03", "1970-01-01T00:00:00", "ImplausibleDate"),
    ("本文", "本\ufffd文", "BadCharacters"),
    ("本文", "本\x85文", "BadCharacters"),
    ("本文", "&lt;script>alert()&lt;/script>", "SecurityRisk"),
    ("本文", '&lt;iframe src="https://example.com/">&lt;/iframe>', "SecurityRisk"),
    ("本文", '&lt;a href="javascript:x">&lt;/a>', "SecurityRisk"),
    ("本文", '&lt;a onclick="x" href="https://example.com/">&lt;/a>', "SecurityRiskAttr"),
    ("本文", '&lt;b style="color:red">&lt;/b>', "DangerousStyleAttr"),
    ("本文", '&lt;a href="/relative">&lt;/a>', "ContainsRelRef"),
    ("本文", '&lt;a href="#fragment">&lt;/a>', "ContainsRelRef"),
    ("本文", '&lt;img src="//example.com/a.png">', "ContainsRelRef"),
    ("本文", '&lt;img srcset="https://example.com/a.png 1x, b.png 2x">', "ContainsRelRef"),
    ("本文", '&lt;a href="https://example.com/飛行">&lt;/a>', "InvalidUriChar"),
    ("本文", "&lt;blink>本文&lt;/blink>", "NotHtml"),
    ("本文", "&lt;b>本文", "NotHtml"),
    ("本文", "1 &lt; 2", "NotHtml"),
]  # fmt: skip

IN_RSS = [
    ('version="2.0"', 'version="0.92"', "InvalidRSSVersion"),
    ("<title>航空ニュース</title>\n<link>https://example.com/</link>\n<desc", "<desc", "MissingTitle"),
    ("<link>https://example.com/</link>\n<desc", "<desc", "MissingLink"),
    ("<description>航空と防衛の記事</description>", "", "MissingDescription"),
    ("<language>ja</language>", "", "MissingDCLanguage"),
    ("<language>ja<", "<language>qq<", "InvalidLanguage"),
    ("<language>ja</language>", "<language>ja</language><dc:language>ja</dc:language>", "DuplicateSemantics"),
    ("</copyright>", "</copyright><dc:rights>著者</dc:rights>", "DuplicateSemantics"),
    ("</channel>", "<ttl>60</ttl></channel>", "MisplacedItem"),
    ("<ttl>60<", "<ttl>0<", "InvalidPositiveInteger"),
    ("2026:2", "2026:1", "DuplicateValue"),
    ("<description>短信</description>", "", "ItemMustContainTitleOrDescription"),
    ('<guid isPermaLink="false">tag:example.com,2026:2</guid>', "", "MissingGuid"),
    (' isPermaLink="false">tag', ">tag", "InvalidPermalink"),
    (' isPermaLink="false">tag:example.com,2026:1<', ">記事 1<", "InvalidHttpGUID"),
    ('isPermaLink="false"', 'isPermaLink="no"', "InvalidBooleanAttribute"),
    (">tag:example.com,2026:1<", ">1234<", "NotSufficientlyUnique"),
    ("<description>要約 &amp;amp; 続き</description>", "", "NeedDescriptionBeforeContent"),
    ("<lastBuildDate>Wed, 29 Apr 2026 01:02:03 +0000</lastBuildDate>", "", "SlashDate"),
    ("<title>A &#x26; B &#x3C;b></title>", "<title/>", "NotBlank"),
    ("A &#x26; B &#x3C;b>", "A &#x26;amp; B", ""),
    ("A &#x26; B &#x3C;b>", "A &amp;amp; B", "ContainsHTML"),
    ("A &#x26; B &#x3C;b>", "A &lt;b>", "CharacterData"),
    ("A &#x26; B &#x3C;b>", "A &#x3C;b>B&#x3C;/b>", "ContainsHTML"),
    ("A &#x26; B &#x3C;b>", "A &amp; B &lt;試験>", ""),
    ("Tue, 28 Apr", "Wed, 28 Apr", "IncorrectDOW"),
    ("Tue, 28 Apr", "火, 28 4月", "InvalidRFC2822Date"),
    ("Tue, 28 Apr 2026", "Mon, 01 Jan 1", "InvalidRFC2822Date"),
    ("Tue, 28 Apr 2026", "Wed, 28 Apr 2027", "ImplausibleDate"),
    ("https://example.com/articles/1/", "https://example.com/記事/1/", "UriNotIri"),
    ("https://example.com/articles/1/", "https://example.com/a b/", "InvalidUriChar"),
    ("https://example.com/articles/1/", "/articles/1/", "InvalidFullLink"),
    ("https://example.com/articles/1/", "feedpub:1", "SchemeNotIANARegistered"),
    ("https://example.com/articles/1/", "urn:uuid:1", "InvalidUUID"),
    ("https://example.com/articles/1/", "urn:x:y z", "InvalidURN"),
    ("<enclosure", '<enclosure url="https://a.example/" length="0" type="a/b"/><enclosure', "DuplicateEnclosure"),
    (' length="0"', "", "MissingAttribute"),
    (' length="0"', ' length="-1"', "UseZeroForUnknown"),
    (' length="0"', ' length="many"', "InvalidIntegerAttribute"),
    ('<enclosure url="https://example.com', '<enclosure url="https://localhost', "InvalidURLAttribute"),
    ("<dc:creator>", "<author>taro@example.com (Taro)</author><dc:creator>", "DuplicateItemSemantics"),
    ("<dc:creator>", "<dc:date>2026-04-29T01:02:03Z</dc:date><dc:creator>", "DuplicateItemSemantics"),
    ("<dc:creator>", "<atom:id>tag:example.com,2026:1</atom:id><dc:creator>", "DuplicateItemSemantics"),
    ("<dc:creator>", "<dc:subject>x</dc:subject><dc:creator>", "DuplicateItemSemantics"),
    ("<dc:creator>山田</dc:creator>", "<author>山田</author>", "InvalidContact"),
    ("<dc:creator>山田</dc:creator>", "<author>taro@example.com</author>", "MissingRealName"),
    ("<dc:creator>", "<atom:title>x</atom:title><dc:creator>", "DuplicateDescriptionSemantics"),
    ("<dc:creator>", "<dc:maker>x</dc:maker><dc:creator>", "UndefinedElement"),
    ("<dc:creator>", "<dc:creator><b/>", "UndefinedElement"),
    ("<content:encoded>", "<content:items/><content:encoded>", "UndefinedElement"),
    ("<media:content ", "<creativeCommons:licence/><media:content ", "UndefinedElement"),
    ('type="plain"', 'type="text/plain"', "InvalidMediaTextType"),
    (">代替<", ">&lt;b>代替&lt;/b><", "ContainsUndeclaredHTML"),
    ("<media:credit>", '<media:credit role="Photographer">', "InvalidCreditRole"),
    ('<media:copyright url="https://example.com', '<media:copyright url="', "InvalidFullLink"),
    ("<media:thumbnail url=", "<media:thumbnail href=", "UnexpectedAttribute"),
    ('rel="via"', 'rel="prev-archive"', "FeedHistoryRelInEntry"),
    (' title="出典"/>', ">出典</atom:link>", "AtomLinkNotEmpty"),
    ('href="https://example.net/s" ', "", "MissingHref"),
    ('type="application/rss+xml"', 'type="text/html"', "SelfNotAtom"),
    ("logo.png", "logo.webp", "ImageUrlFormat"),
    ("<image>", "<image><width>200</width>", "InvalidWidth"),
    ("logo.png</url>\n<title>航空ニュース", "logo.png</url>\n<title>別の題", "ImageTitleDoesntMatch"),
    ("https://example.com/</link>\n</image>", "https://example.net/</link>\n</image>", "ImageLinkDoesntMatch"),
]  # fmt: skip

ALL = "https://example.com/feeds/all.atom"
IN_ATOM = [
    ('xmlns="http://www.w3.org/2005/Atom"', "", "InvalidNamespace"),
    (' xml:lang="ja"', "", "MissingDCLanguage"),
    ('xml:lang="en"', 'xml:lang="qq"', "InvalidLanguage"),
    ("<id>https://example.com/feeds/all.atom</id>\n", "", "MissingElement"),
    ("<title>第1号の記事</title>\n", "", "MissingElement"),
    ("<title>第1号の記事</title>", "<title/>", "NotBlank"),
    ("<title>第1号の記事</title>", "<title>&lt;b>第&lt;/b></title>", "ContainsUndeclaredHTML"),
    ("<title>第1号の記事</title>", '<title type="text/plain">第1号</title>', "RelaxNG"),
    ('<content type="html">', '<content type="CDATA">', "InvalidMIMEType"),
    ('<content type="html">', "<content>", "ContainsUndeclaredHTML"),
    ("</entry>", "</entry>\n<rights>著者</rights>", "MisplacedMetadata"),
    ("</entry>", "</entry>\n<entry><id>tag:example.com,2026:1</id></entry>", "DuplicateEntries"),
    ("</entry>", "</entry>\n<entry><updated>2026-04-29T01:02:03Z</updated></entry>", "DuplicateUpdated"),
    (">tag:example.com,2026:1<", ">tag:example.com,2026:記事<", "InvalidTAG"),
    (">tag:example.com,2026:1<", ">https://example.com/記事<", "UriNotIri"),
    (">tag:example.com,2026:1<", ">http://Example.com:80<", "NonCanonicalURI"),
    (">tag:example.com,2026:1<", "> tag:example.com,2026:1<", "UnexpectedWhitespace"),
    ('<content type="html">&lt;p>本文&lt;/p></content>\n<summary>要約</summary>', "", "MissingTextualContent"),
    ("<content type=", "<content src=", "UnexpectedAttribute"),
    ("<published>", "<published>2026-04-28T00:30:00Z</published><published>", "DuplicateElement"),
    ("<author><name>山田</name></author>", "<author><name></name></author>", "NotBlank"),
    ("<author><name>山田</name></author>", "<author><name>&lt;t@example.com></name></author>", "ContainsEmail"),
    ("<author><name>山田</name></author>", "<author><uri>https://example.com/</uri></author>", "MissingElement"),
    ('term="米国関連"', 'label="米国関連"', "MissingAttribute"),
    ('term="米国関連"', 'term=""', "NotBlank"),
    ("<rights>", '<link type="text/html" href="https://a.example/"/><rights>', "DuplicateAtomLink"),
    ('length="12"', 'length="many"', "InvalidNonNegativeInteger"),
    ('rel="replies"', 'rel="related"', "UnexpectedAttribute"),
    ('thr:count="3"', 'thr:count="3" thr:when="2026-04-29T01:02:03Z"', "NoThrWhen"),
    ("<fh:archive/>", f'<link rel="first" href="{ALL}"/><link rel="previous" href="{ALL}2"/>', "LinkPastEnd"),
    ("<fh:archive/>", '<link rel="next-archive" href="https://a.example/"/>', "DuplicateHistoryLink"),
    ("feeds/archive/all/8.atom", "feeds/all.atom", "LinkToItself"),
    ("xmlns:fh=", 'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:fh=', "AvoidNamespacePrefix"),
    (' when="2026-04-30T00:00:00+00:00"', "", "MissingAttribute"),
    (' ref="tag:example.com,2026:9"', "", "MissingAttribute"),
    (' when="2026-04-30T00:00:00+00:00"', ' when="yesterday"', "InvalidRFC3339Date"),
    (' ref="tag:example.com,2026:9"', ' ref="tag:example.com,2026:1"', "LivingDeletedEntry"),
    ('<at:deleted-entry ref="tag:example.com,2026:9" when="2026-04-30T00:00:00+00:00"/>\n', "", "UnknownNamespace"),
    ("<generator>", '<generator uri="nowhere">', "InvalidURIAttribute"),
    ("</entry>", '</entry><at:deleted-entry ref="tag:example.com,2026:8" when="2026-04-30T00:00:00Z"/>', "RelaxNG"),
]  # fmt: skip

BROKEN = [
    *(pytest.param(ending, *how) for ending in ("rss", "atom") for how in IN_XML if how[0].encode() in GOOD[ending]),
    *(pytest.param("rss", *how) for how in IN_RSS),
    *(pytest.param("atom", *how) for how in IN_ATOM),
]


@pytest.mark.parametrize(("ending", "right", "wrong", "message"), BROKEN)
def test_every_fault_of_xml_is_told_by_its_name(ending: str, right: str, wrong: str, message: str) -> None:
    good = GOOD[ending].decode()
    assert right in good
    location = f"https://example.com/feeds/all.{ending}"
    told = complaints(ending, good.replace(right, wrong).encode(), location=location, now=NOW)
    assert any(message in complaint.message for complaint in told) if message else told == []


ITEM = JSON["items"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "https://jsonfeed.org/version/1"}, "InvalidVersion"),
        ({"version": None}, "InvalidVersion"),
        ({"title": None}, "WrongType"),
        ({"title": " "}, "NotBlank"),
        ({"title": "<b>A</b>"}, "ContainsHTML"),
        ({"home_page_url": "/"}, "NotAbsolute"),
        ({"feed_url": "https://example.com/feeds/elsewhere.json"}, "SelfDoesntMatchLocation"),
        ({"next_url": "https://example.com/feeds/all.json"}, "LinkToItself"),
        ({"description": ["x"]}, "WrongType"),
        ({"icon": "icon.png"}, "NotAbsolute"),
        ({"icon": "https://example.com/絵.png"}, "UriNotIri"),
        ({"favicon": "https://example.com/a b.png"}, "InvalidUriChar"),
        ({"author": {"name": "x"}}, "UnknownMember"),
        ({"subtitle": "x"}, "UnknownMember"),
        ({"_": {}}, "InvalidExtensionName"),
        ({"_feed.pub": {}}, "InvalidExtensionName"),
        ({"_feedpub": {"a.b": 1}}, "InvalidExtensionName"),
        ({"_feedpub": "text"}, "WrongType"),
        ({"authors": {"name": "x"}}, "WrongType"),
        ({"authors": ["x"]}, "WrongType"),
        ({"authors": [{}]}, "EmptyAuthor"),
        ({"authors": [{"email": "x"}]}, "UnknownMember"),
        ({"authors": [{"url": "x"}]}, "NotAbsolute"),
        ({"language": "日本語"}, "InvalidLanguage"),
        ({"expired": "no"}, "WrongType"),
        ({"hubs": [{"type": "WebSub"}]}, "MissingMember"),
        ({"hubs": [{"url": "https://hub.example.com/"}]}, "MissingMember"),
        ({"items": {}}, "WrongType"),
        ({"items": ["x"]}, "WrongType"),
        ({"items": [ITEM, ITEM]}, "DuplicateEntries"),
    ],
)
def test_every_fault_of_a_json_feed_is_told_by_its_name(change: dict[str, Any], message: str) -> None:
    told = complaints("json", written(JSON | change), location="https://example.com/feeds/all.json", now=NOW)
    assert message in {complaint.message for complaint in told}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 1}, "WrongType"),
        ({"id": ""}, "NotBlank"),
        ({"url": "/1"}, "NotAbsolute"),
        ({"external_url": None}, "WrongType"),
        ({"content_html": "<script></script>"}, "SecurityRisk"),
        ({"content_html": '<img src="a.png">'}, "ContainsRelRef"),
        ({"summary": "a &amp; b"}, "ContainsHTML"),
        ({"title": "\ufffd"}, "BadCharacters"),
        ({"image": "data:image/png,x"}, "NotAbsolute"),
        ({"banner_image": 1}, "WrongType"),
        ({"date_published": "Tue, 28 Apr 2026 00:30:00 +0000"}, "InvalidRFC3339Date"),
        ({"date_modified": "2026-04-29T01:02:03"}, "InvalidRFC3339Date"),
        ({"date_modified": "2027-04-29T01:02:03Z"}, "ImplausibleDate"),
        ({"date_modified": 1}, "WrongType"),
        ({"tags": "米国関連"}, "WrongType"),
        ({"tags": [""]}, "NotBlank"),
        ({"language": 1}, "WrongType"),
        ({"attachments": [{"url": "https://example.com/a.jpg"}]}, "MissingMember"),
        ({"attachments": [{"mime_type": "image/jpeg"}]}, "MissingMember"),
        ({"attachments": [{"url": "https://example.com/a", "mime_type": "jpeg"}]}, "InvalidMIMEAttribute"),
        ({"attachments": [ITEM["attachments"][0] | {"size_in_bytes": "12"}]}, "WrongType"),
        ({"attachments": [ITEM["attachments"][0] | {"size_in_bytes": True}]}, "WrongType"),
        ({"attachments": [ITEM["attachments"][0] | {"duration_in_seconds": -1}]}, "InvalidNonNegativeInteger"),
        ({"guid": "1"}, "UnknownMember"),
    ],
)
def test_every_fault_of_an_item_is_told_by_its_name(change: dict[str, Any], message: str) -> None:
    told = complaints("json", written(JSON | {"items": [ITEM | change]}), now=NOW)
    assert message in {complaint.message for complaint in told}


@pytest.mark.parametrize("missing", ["version", "title", "home_page_url", "feed_url", "items"])
def test_a_json_feed_needs_its_members(missing: str) -> None:
    left = {key: value for key, value in JSON.items() if key != missing}
    assert ("MissingMember", f"feed/{missing}") in complaints("json", written(left))


@pytest.mark.parametrize("missing", ["id", "content_html"])
def test_a_json_item_needs_an_id_and_a_content(missing: str) -> None:
    item = {key: value for key, value in ITEM.items() if key != missing}
    told = {complaint.message for complaint in complaints("json", written(JSON | {"items": [item]}))}
    assert told & {"MissingMember", "MissingContent"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbf" + GOOD["json"], "InvalidJson"),
        (GOOD["json"].replace("ニュース".encode(), b"\xff"), "InvalidJson"),
        (GOOD["json"].replace(b'"version"', b'"title": "x", "version"'), "InvalidJson"),
        (GOOD["json"].replace(b"12}", b"NaN}"), "InvalidJson"),
        (GOOD["json"][:-1], "InvalidJson"),
        (b"[]", "WrongType"),
        (written({"title": "x"} | JSON), "VersionNotFirst"),
    ],
)
def test_what_is_no_json_feed_at_all_is_told(content: bytes, message: str) -> None:
    assert message in {complaint.message for complaint in complaints("json", content)}


# ---------------------------------------------------------------- what tests of anything let pass


def test_an_error_fails_a_test_and_a_warning_of_the_articles_own_does_not() -> None:
    spoken = GOOD["atom"].replace("第1号の記事".encode(), "HTMLの&lt;b>と&lt;/b>".encode())
    assert [told.message for told in complaints("atom", spoken, now=NOW)] == ["ContainsUndeclaredHTML"]
    assert_feed("atom", spoken)
    with pytest.raises(AssertionError, match="ContainsUndeclaredHTML"):
        assert_feed("atom", spoken, besides=())
    with pytest.raises(AssertionError, match="ContainsRelRef"):
        assert_feed("atom", GOOD["atom"].replace("本文".encode(), b'&lt;a href="x">&lt;/a>'))
    assert "ContainsRelRef" not in OF_ARTICLES


@pytest.mark.parametrize(
    ("uri", "one_way"),
    [
        ("HTTPS://Example.com:443/%7Ea", "https://example.com/~a"),
        ("http://example.com", "http://example.com/"),
        ("tag:example.com,2026:%e8%a8%98%2f1", "tag:example.com,2026:%E8%A8%98%2F1"),
        ("tag:example.com,2026:guid:%E8%A8%98%20", "tag:example.com,2026:guid:%E8%A8%98%20"),
        ("https://example.com/?p=1&q=%26", "https://example.com/?p=1&q=%26"),
        ("https://example.com/%E3%81%8B%E3%82%99", "https://example.com/%E3%81%8C"),
    ],
)
def test_an_address_has_one_canonical_way(uri: str, one_way: str) -> None:
    assert canonical(uri) == one_way
    assert canonical(one_way) == one_way
