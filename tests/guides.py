"""README.md and docs/ as tests read them: their blocks of code, their tables, their headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
GUIDES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (*sorted(ROOT.glob("README*.md")), *sorted(ROOT.glob("docs/*.md")))
}
"""What admins read, by file name."""
PAGES = GUIDES | {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("*.md")}
"""And what developers read."""

OLD, NEW = "whsec_" + "b2xk" * 8, "whsec_" + "bmV3" * 8
SECRETS = {
    "CMS_DATABASE": "postgresql://feedpub:password@db.example.com/cms",
    "BLOG_DATABASE": "mysql://feedpub:password@127.0.0.1/wordpress",
    "DISCORD_WEBHOOK": "https://discord.com/api/webhooks/1/token",
    "SLACK_WEBHOOK": "https://hooks.slack.com/services/T0/B0/token",
    "BLUESKY_APP_PASSWORD": "abcd-efgh-ijkl-mnop",
    **{name: f"{name}-of-some-length" for name in ("X_API_KEY", "X_API_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_SECRET")},
    "MASTODON_TOKEN": "a-token-of-some-length",
    "LINE_TOKEN": "a-token-of-some-length",
    "MATRIX_TOKEN": "a-token-of-some-length",
    "TELEGRAM_TOKEN": "123456:a-token-of-some-length",
    "MISSKEY_TOKEN": "a-token-of-some-length",
    "ADMIN_TOKEN": "a-token-of-some-length",
    "PING_URL": "https://ping.test/xmlrpc/key",
    "WEBHOOK_URL": "https://hook.test/key",
    "BLOG_RANKING_PING": "https://ping.test/xmlrpc/0123456789abcdef",
    "TEAMS_WEBHOOK": "https://prod-1.westus.logic.azure.test/workflows/0/triggers/manual/paths/invoke?sig=0123456789",
    "MATTERMOST_WEBHOOK": "https://mattermost.test/hooks/0123456789abcdef",
    "ROCKETCHAT_WEBHOOK": "https://chat.test/hooks/6a1b2c3d/0123456789abcdef",
    "NTFY_TOKEN": "tk_0123456789abcdef",
    "NTFY_AUTHORIZATION": "Bearer tk_0123456789abcdef",
    "GOTIFY_TOKEN": "A0123456789abcd",
    "ZULIP_AUTHORIZATION": "Basic bmV3cy1ib3RAZXhhbXBsZS56dWxpcGNoYXQuY29tOktFWTAxMjM0NTY3ODk=",
    "APPRISE_URL": "https://apprise.example.com/notify/news",
    "HOOK_SECRET": OLD,
    "HOOK_SECRET_NEW": NEW,
    "DATABASE_URL": "postgresql://feedpub:password@localhost/feedpub",
    "OPS_WEBHOOK": "https://discord.com/api/webhooks/2/token",
}
"""What the guides' secrets hold, by their names: those of variables, or of files in capitals."""


def blocks(language: str, guides: Mapping[str, str] = GUIDES) -> dict[str, str]:
    """Every block of a language ("": of none), by file and line."""
    found = {}
    for name, text in guides.items():
        fences = list(re.finditer(r"^ *```(\w*)\n", text + "\n", re.MULTILINE))
        for opening, closing in zip(fences[::2], fences[1::2], strict=True):
            if opening[1] == language:
                line = text.count("\n", 0, opening.start()) + 1
                found[f"{name}:{line}"] = dedent(text[opening.end() : closing.start()])
    return found


def rows(page: str, first: str) -> Iterator[list[str]]:
    """The cells of every table row of a guide, in tables whose first column has this heading."""
    inside = False
    for line in GUIDES[page].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if inside and cells and set(cells[0]) - set("-"):
            yield cells
        inside = bool(cells) and (inside or cells[0] == first)


def anchors(text: str) -> set[str]:
    """The names by which a page's headings can be linked to, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    }
