"""raw article or comment -> clean one, or the reason why it is quarantined.

articles.py    a store's row -> Article: the rules about what an article must have
drop.py        HTML + CSS selectors -> HTML without what they select
comments.py    a store's row -> Comment
needed.py      what both must have
markup.py      HTML -> safe HTML with absolute links; HTML -> plain text
lazy.py        HTML that waits for a script -> the same, with what the script would have loaded
urls.py        IRIs and relative references -> absolute ASCII http(s) addresses
dates.py       what stores write -> aware dates in UTC
characters.py  any string -> characters that XML, JSON and databases can carry
"""

from feedpub.clean.articles import RULES, Cleaned, article, category, digest, is_made
from feedpub.clean.characters import line, text
from feedpub.clean.comments import comment
from feedpub.clean.dates import date
from feedpub.clean.drop import fault, without
from feedpub.clean.markup import html, plain_text
from feedpub.clean.urls import url

__all__ = [
    "RULES",
    "Cleaned",
    "article",
    "category",
    "comment",
    "date",
    "digest",
    "fault",
    "html",
    "is_made",
    "line",
    "plain_text",
    "text",
    "url",
    "without",
]
