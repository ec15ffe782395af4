"""Somebody who writes on the real WordPress, whose clock the test moves; what else is on the site is put aside."""

from __future__ import annotations

import math
import os
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from tests.edge.authors.author import Deed, Post
from tests.edge.authors.wordpress import Options
from tests.wordpress.site import URL, php, signal_server, start_server

SHIM = Path(__file__).parents[1] / "edge" / "clock_shift.c"
ASIDE = (
    "global $wpdb; $wpdb->query(\"UPDATE $wpdb->posts SET post_type = CONCAT('aside_', post_type)"
    " WHERE post_type IN ('post', 'page')\");"
)
BACK = (
    'global $wpdb; $wpdb->query("UPDATE $wpdb->posts SET post_type = SUBSTRING(post_type, 7)'
    " WHERE post_type LIKE 'aside\\_%'\");"
)


class RealAuthor:
    """An author of the real site. Ids that the export has taken are others there."""

    can: ClassVar[frozenset[Deed]] = frozenset({"withdraw", "hide", "schedule", "rename", "move", "brief", "restamp"})

    def __init__(self, shift: Path) -> None:
        """Take the file that tells the site's clock how far it is ahead."""
        self._shift = shift
        self._ids: dict[str, str] = {}
        self._scheduled: dict[str, datetime] = {}
        self._terms: dict[str, str] = {}
        self.now = datetime(2027, 6, 1, 12, tzinfo=UTC)
        self.options = Options(
            name="blog",
            url=URL,
            allow_private=True,
            timeout=timedelta(seconds=20),
            clock=lambda: self.now.timestamp(),  # noqa: PLW0108 - the clock as it will be then
        )

    @property
    def now(self) -> datetime:
        """The site's clock, as it was set; it has gone on a little since."""
        return self._now

    @now.setter
    def now(self, now: datetime) -> None:
        self._now = now
        with self._shift.open("r+b") as file:
            # Upwards: by a site's clock that is a moment behind, a post due now would not be due yet.
            file.write(struct.pack("q", math.ceil(now.timestamp() - time.time())))
        due = [key for key, at in self._scheduled.items() if at <= now]
        if due:
            php("".join(f"check_and_publish_future_post({key});" for key in due))
            self._scheduled = {key: at for key, at in self._scheduled.items() if at > now}

    def write(self, *posts: Post) -> None:
        """Write posts, or write them anew."""
        told = php("echo '';" + "".join(self._code(post) for post in posts))
        for post, number in zip(posts, told.split(), strict=True):
            self._ids[post.id] = number
            if post.published > self.now:
                self._scheduled[number] = post.published

    def withdraw(self, id_: str) -> None:
        """Move a post to the trash."""
        php(f"wp_trash_post({self._ids[id_]});")

    def hide(self, id_: str) -> None:
        """Make a post private."""
        php(f"wp_update_post(['ID' => {self._ids[id_]}, 'post_status' => 'private']);")

    def rename(self, before: str, after: str) -> None:
        """Give a category another name; its slug stays."""
        self._terms[after] = self._terms.pop(before)
        php(f"wp_update_term({self._terms[after]}, 'category', ['name' => '{after}']);")

    def move(self, category: str, below: str) -> None:
        """Hang a category below another one."""
        php(f"wp_update_term({self._category(category)}, 'category', ['parent' => {self._category(below)}]);")

    def restamp(self) -> None:
        """Save every post anew, as plugins do."""
        php("foreach (get_posts(['numberposts' => -1]) as $one) wp_update_post(['ID' => $one->ID]);")

    def double(self, id_: str) -> None:
        """No id is twice in WordPress."""
        raise NotImplementedError

    def write_late(self, post: Post) -> Callable[[], None]:
        """What WordPress writes is seen at once."""
        raise NotImplementedError

    def spoil(self) -> None:
        """Put a post there that has no date."""
        dates = "'post_date' => '0000-00-00 00:00:00', 'post_date_gmt' => '0000-00-00 00:00:00'"
        php(
            "$id = wp_insert_post(['post_title' => 'x', 'post_status' => 'publish']);"
            f"global $wpdb; $wpdb->update($wpdb->posts, [{dates}], ['ID' => $id]);"
        )

    def fall(self) -> None:
        """End the site's PHP."""
        signal_server(signal.SIGTERM)

    def rise(self) -> None:
        """Start it again."""
        start_server()

    def leave(self) -> None:
        """Take away what was written."""
        every = "['numberposts' => -1, 'post_status' => ['any', 'trash']]"
        php(
            f"foreach (get_posts({every}) as $one) wp_delete_post($one->ID, true);"
            + "".join(f"wp_delete_term({key}, 'category');" for key in self._terms.values())
        )

    def _code(self, post: Post) -> str:
        date = f"{post.published:%Y-%m-%d %H:%M:%S}"
        said = {
            "post_title": post.title,
            "post_content": post.content,
            "post_status": "publish",
            "post_date_gmt": date,
            "edit_date": "1",
        }
        fields = ", ".join(f"'{name}' => '{value}'" for name, value in said.items())
        filed = ", ".join(self._category(name) for name in post.categories)
        known = f"'ID' => {self._ids[post.id]}, " if post.id in self._ids else ""
        row = f"[{known}{fields}, 'post_date' => get_date_from_gmt('{date}'), 'post_category' => [{filed}]]"
        return f"echo wp_{'update' if known else 'insert'}_post($row = {row}), ' ';"

    def _category(self, name: str) -> str:
        if name not in self._terms:
            self._terms[name] = php(f"echo wp_insert_term('{name}', 'category')['term_id'];")
        return self._terms[name]


@contextmanager
def put_aside(folder: Path) -> Iterator[Path]:
    """Put everything aside, start the site's PHP with a clock that can be moved, and end with all as it was.

    Gives the file that tells the clock how far it is ahead.
    """
    shim, shift = folder / "shift.so", folder / "shift"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, SHIM, "-ldl"], check=True)
    shift.write_bytes(struct.pack("q", 0))
    php(ASIDE)
    signal_server(signal.SIGTERM)
    os.environ |= {"LD_PRELOAD": str(shim), "CLOCK_SHIFT": str(shift)}
    try:
        start_server()
        yield shift
    finally:
        del os.environ["LD_PRELOAD"], os.environ["CLOCK_SHIFT"]
        signal_server(signal.SIGTERM)
        start_server()
        php(BACK)
