"""Store `wordpress` against a real WordPress, loaded with its own theme test data (`make test-wordpress`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from feedpub.errors import StoreError
from feedpub.http import Door
from feedpub.model import Batch, RawArticle, RawComment, Reply, Request
from feedpub.stores.wordpress import WordPressOptions
from feedpub.stores.wordpress.store import WordPressStore
from tests.edge.reading import batches
from tests.wordpress.site import MARKS, SITE, URL, comment, exported, php, post, slug
from tests.world import HOME

pytestmark = MARKS

DATES = ("post_date", "post_date_gmt", "post_modified", "post_modified_gmt")


class CountingDoor(Door):
    """The real door, with a list of what went through it."""

    asked: list[str]

    def fetch(self, request: Request, **how: object) -> Reply:
        self.asked.append(request.url)
        return super().fetch(request, **how)  # type: ignore[arg-type]


class Reader:
    """Polls as the publisher does, and remembers what it read."""

    def __init__(self, **said: object) -> None:
        self.door = CountingDoor()
        self.door.asked = []
        options = {"name": "blog", "url": URL, "allow_private": True, **said}
        self.store: WordPressStore = WordPressOptions.model_validate(options).open(self.door, HOME)
        self.cursor: str | None = None
        self.known: dict[str, RawArticle] = {}
        self.batches: list[Batch] = []

    def poll(self) -> dict[str, RawArticle]:
        """What is new or says something else than before."""
        self.batches, self.door.asked[:] = [], []
        for batch in batches(self.store, self.cursor):
            self.cursor = batch.cursor
            self.batches.append(batch)
        read = {one.id: one for batch in self.batches for one in batch.articles}
        changed = {
            key: one for key, one in read.items() if key not in self.known or _words(one) != _words(self.known[key])
        }
        self.known |= read
        return changed

    @property
    def comments(self) -> dict[str, RawComment]:
        return {one.id: one for batch in self.batches for one in batch.comments}

    @property
    def comments_gone(self) -> list[str]:
        return [one for batch in self.batches for one in batch.comments_gone]

    def public(self, *ids: str) -> frozenset[str]:
        return self.store.census(ids).present


def _words(article: RawArticle) -> RawArticle:
    return replace(article, updated="")


@pytest.fixture
def reader() -> Reader:
    """Somebody who has read all there is, and long ago: what is new is read post by post, and that takes its time."""
    php(
        'global $wpdb; $wpdb->query("UPDATE $wpdb->posts SET '
        + ", ".join(f"{name} = {name} - INTERVAL 9 DAY" for name in DATES)
        + " WHERE post_status = 'publish' AND post_modified_gmt > UTC_TIMESTAMP() - INTERVAL 4 DAY\");"
    )
    reader = Reader()
    reader.poll()
    return reader


# ---------------------------------------------------------------- the whole site


def test_every_published_post_is_read_and_no_other(reader: Reader) -> None:
    slugs = {slug(one.url) for one in reader.known.values()}
    rows = list(exported())
    shown = {name for name, status, password in rows if status == "publish" and not password}
    hidden = {name for name, status, password in rows if name and (status != "publish" or password)}
    assert len(shown) > 50
    assert hidden
    assert shown <= slugs
    assert not hidden & slugs
    assert not [one for one in reader.known.values() if "protected" in one.title.lower()]
    assert reader.batches[0].gone  # the one with a password, told so


def test_private_draft_scheduled_and_trashed_posts_stay_where_they_are(reader: Reader) -> None:
    hidden = [
        post(post_status="'private'"),
        post(post_status="'draft'"),
        post(post_status="'pending'"),
        post(post_status="'future'", post_date="date('Y-m-d H:i:s', time() + 864000)"),
        post(post_password="'秘密'"),
    ]
    trashed = post()
    php(f"wp_trash_post({trashed});")
    assert not {*hidden, trashed} & set(reader.poll())
    assert reader.public(*hidden, trashed) == frozenset()


def test_the_taxonomy_comes_with_its_parents(reader: Reader) -> None:
    told = {one.key: one for one in reader.batches[0].categories or ()}
    children = [one for one in told.values() if one.parent]
    assert len(told) > 60
    assert children
    assert all(one.parent in told for one in children)
    assert {key for one in reader.known.values() for key in one.categories} <= set(told)


def test_what_an_article_says_is_read_true() -> None:
    number = post(
        post_title="'米国&日本 <F-35>'",
        post_excerpt="'要約'",
        tags_input="['R&D', '横田']",
        post_author="1",
    )
    php(
        "wp_update_user(['ID' => 1, 'display_name' => '編集部 & 校閲']);"
        "$up = wp_upload_bits('eye.gif', null, base64_decode('R0lGODlhAQABAAAAACwAAAAAAQABAAAC'));"
        "$media = wp_insert_attachment(['guid' => $up['url'], 'post_mime_type' => 'image/gif',"
        " 'post_status' => 'inherit',"
        " 'post_excerpt' => '撮影: <b>米空軍</b> & 海軍', 'post_content' => '説明'], $up['file'], 0);"
        "update_post_meta($media, '_wp_attachment_image_alt', '飛ぶF-35 & 雲');"
        f"set_post_thumbnail({number}, $media);"
    )
    reader = Reader()
    reader.poll()
    article = reader.known[number]
    assert article.title.startswith("米国&#038;日本")
    assert article.guid.startswith(URL)
    assert article.url.startswith(URL)
    assert article.content == "<p>本文</p>\n"
    assert article.summary == "<p>要約</p>\n"
    assert set(article.tags) == {"R&D", "横田"}
    assert article.authors == ("編集部 & 校閲",)
    assert [(one.alt, one.credit) for one in article.images] == [("飛ぶF-35 & 雲", "撮影: 米空軍 & 海軍")]
    assert article.images[0].url.endswith(".gif")


def test_a_post_reads_the_same_in_any_company() -> None:
    """WordPress numbers blocks through an answer, and sets paragraphs around shortcodes otherwise after blocks."""

    def copy(slug: str, seconds_ago: int) -> str:
        return post(
            post_content=f"get_page_by_path('{slug}', OBJECT, 'post')->post_content",
            post_date=f"wp_date('Y-m-d H:i:s', time() - {seconds_ago})",
        )

    company = copy("design-category-blocks", 20)  # the newest comes first in an answer
    blocks, shortcode = copy("column-blocks", 40), copy("post-format-image-linked", 60)
    reader = Reader()
    reader.poll()
    assert "wp-container-" in reader.known[company].content
    assert "wp-container-" in reader.known[blocks].content
    assert "wp-caption" in reader.known[shortcode].content
    php(f"wp_trash_post({company});")
    assert reader.poll() == {}
    again = {one.id for batch in reader.batches for one in batch.articles}
    assert {blocks, shortcode} <= again  # they are fresh


# ---------------------------------------------------------------- what readers say


def test_approved_comments_come_with_whom_they_answer(reader: Reader) -> None:
    told = reader.comments
    assert len(told) > 20
    assert {one.article for one in told.values()} <= set(reader.known)
    assert all(one.url.startswith(URL) and one.url.endswith(f"#comment-{key}") for key, one in told.items())
    (deep,) = [one for one in told.values() if "Comment Depth 10" in one.content]
    depth = 1
    while deep.parent:
        deep, depth = told[deep.parent], depth + 1
    assert (depth, deep.content) == (10, "<p>Comment Depth 01</p>\n")
    reader.poll()
    assert (reader.comments, reader.comments_gone) == ({}, [])


def test_an_authors_word_about_the_notice_comes_with_the_snippet_of_the_guide(reader: Reader) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    snippet = guide.partition("```php\n")[2].partition("```")[0]
    plugin = Path(SITE) / "wp-content" / "mu-plugins" / "feedpub.php"
    plugin.parent.mkdir(exist_ok=True)
    try:
        plugin.write_text(f"<?php\n{snippet}", encoding="utf-8")
        number = post(meta_input="array( 'feedpub_announce' => 'no', 'feedpub_notice' => '三沢に到着' )")
        said = reader.poll()[number]
        assert (said.announce, said.notice) == (False, "三沢に到着")
    finally:
        plugin.unlink()


def test_what_happens_to_a_comment_is_noticed(reader: Reader) -> None:
    number = post()
    said, held = comment(number), comment(number, comment_approved="0")
    ping = comment(number, comment_type="'pingback'")
    reader.poll()
    assert list(reader.comments) == [said]
    assert (reader.comments[said].author, reader.comments[said].content) == ("読者 & 友", "<p>同感です。</p>\n")
    assert reader.comments[said].article == number
    php(f"wp_set_comment_status({held}, 'approve');")
    php(f"wp_update_comment(['comment_ID' => {said}, 'comment_content' => '訂正']);")
    reader.poll()
    assert {key: one.content for key, one in reader.comments.items()} == {
        said: "<p>訂正</p>\n",
        held: "<p>同感です。</p>\n",
    }
    php(f"wp_spam_comment({held}); wp_delete_comment({said}, true);")
    reader.poll()
    assert (reader.comments, reader.comments_gone) == ({}, [said, held])
    assert ping not in {*reader.comments, *reader.comments_gone}


def test_comments_on_what_not_everybody_may_read_stay_there(reader: Reader) -> None:
    hidden = [post(post_status="'private'"), post(post_password="'秘密'"), post(post_type="'page'")]
    for number in hidden:
        comment(number)
    reader.poll()
    assert reader.comments == {}
    password = php(
        "echo WP_Application_Passwords::create_new_application_password(1, ['name' => 'feedpub' . wp_rand()])[0];"
    )
    said = {"name": "blog", "url": URL, "allow_private": True, "user": "admin", "application_password": password}
    reader.store = WordPressOptions.model_validate(said).open(Door(), HOME)
    reader.poll()
    assert reader.comments == {}
    php(f"wp_update_post(['ID' => {hidden[0]}, 'post_status' => 'publish']);")
    reader.poll()
    assert [one.article for one in reader.comments.values()] == [hidden[0]]
    php(f"wp_trash_post({hidden[0]});")
    shown = list(reader.comments)
    reader.poll()
    assert reader.comments_gone == shown


# ---------------------------------------------------------------- what happens to it


def test_an_idle_poll_brings_nothing_for_two_small_requests(reader: Reader) -> None:
    reader.poll()
    php(
        'global $wpdb; $wpdb->query("UPDATE $wpdb->posts SET post_modified = post_modified - INTERVAL 1 HOUR, '
        "post_modified_gmt = post_modified_gmt - INTERVAL 1 HOUR, post_date = post_date - INTERVAL 1 HOUR, "
        "post_date_gmt = post_date_gmt - INTERVAL 1 HOUR WHERE post_date_gmt > '2024-01-01'\");"
    )
    reader.poll()
    before = reader.cursor
    for _ in range(8):
        assert reader.poll() == {}
        assert len(reader.door.asked) == 2
        assert [(batch.cursor, batch.categories) for batch in reader.batches] == [(before, None)]


def test_a_new_post_appears(reader: Reader) -> None:
    number = post(post_title="'速報'")
    changed = reader.poll()
    assert {key: one.title for key, one in changed.items()} == {number: "速報"}
    assert reader.poll() == {}


def test_a_scheduled_post_gone_live_appears_with_its_old_modified_date(reader: Reader) -> None:
    number = post(post_status="'future'", post_date="date('Y-m-d H:i:s', time() + 9 * 3600 + 7200)")
    assert php(f"echo get_post_status({number});") == "future"
    assert reader.poll() == {}
    php(  # two hours later, seen from the post: written four days ago, due a minute ago, run by WordPress's cron
        f"global $wpdb; $wpdb->update($wpdb->posts, ['post_date' => date('Y-m-d H:i:s', time() + 9 * 3600 - 60),"
        f" 'post_date_gmt' => date('Y-m-d H:i:s', time() - 60), 'post_modified' => '2020-01-01 09:00:00',"
        f" 'post_modified_gmt' => '2020-01-01 00:00:00'], ['ID' => {number}]);"
    )
    assert reader.poll() == {}
    php(f"check_and_publish_future_post({number});")
    article = reader.poll()[number]
    assert article.updated == "2020-01-01T00:00:00Z"
    assert article.published > article.updated


def test_an_edit_appears_and_so_does_another_in_the_same_second(reader: Reader) -> None:
    number = post()
    reader.poll()
    stamps = set()
    for word in ("一", "二", "三"):
        php(
            f"wp_update_post(['ID' => {number}, 'post_content' => '<p>{word}</p>']); global $wpdb;"
            "$now = $GLOBALS['wpdb']->get_var(\"SELECT post_date_gmt FROM $wpdb->posts WHERE ID = "
            f'{number}");'
            f"$wpdb->update($wpdb->posts, ['post_modified_gmt' => $now, 'post_modified' =>"
            f" get_date_from_gmt($now)], ['ID' => {number}]);"
        )
        article = reader.poll()[number]
        assert article.content == f"<p>{word}</p>\n"
        stamps.add(article.updated)
    assert len(stamps) == 1


@pytest.mark.parametrize(
    "act",
    [
        "wp_update_post(['ID' => {id}, 'post_status' => 'private']);",
        "wp_update_post(['ID' => {id}, 'post_status' => 'draft']);",
        "wp_update_post(['ID' => {id}, 'post_password' => '秘密']);",
        "wp_trash_post({id});",
        "wp_delete_post({id}, true);",
    ],
)
def test_a_post_that_is_public_no_more_is_missing_in_the_census(reader: Reader, act: str) -> None:
    number, other = post(), post()
    reader.poll()
    assert reader.public(number, other) == {number, other}
    php(act.replace("{id}", number))
    assert reader.public(number, other) == {other}
    everything = reader.store.census(None)
    assert (number in everything.present, other in everything.present) == (False, True)
    assert number not in reader.poll()


def test_a_password_is_told_by_the_next_poll_already(reader: Reader) -> None:
    number = post()
    reader.poll()
    php(f"wp_update_post(['ID' => {number}, 'post_password' => '秘密']);")
    reader.poll()
    assert number in {one for batch in reader.batches for one in batch.gone}


def test_a_post_made_public_again_comes_back(reader: Reader) -> None:
    number = post()
    reader.poll()
    php(f"wp_update_post(['ID' => {number}, 'post_status' => 'private']);")
    reader.poll()
    reader.known.pop(number)
    php(f"wp_update_post(['ID' => {number}, 'post_status' => 'publish']);")
    assert number in reader.poll()


def test_posts_imported_with_old_dates_appear_whatever_their_ids(reader: Reader) -> None:
    high = post(post_date="'2012-01-01 10:00:00'")
    assert high in reader.poll()
    php("wp_delete_post(3, true);")  # a page; its number is free then
    low = post(post_date="'2012-01-01 10:00:00'", import_id="3")
    assert low == "3"
    reader.poll()
    assert low in reader.known or low in reader.poll()


def test_a_renamed_category_is_told(reader: Reader) -> None:
    key = php("echo wp_insert_term('横田 & 三沢', 'category', ['slug' => '基地'])['term_id'];")
    assert told_of(reader, key) == ("横田 & 三沢", "基地", None)
    php(f"wp_update_term({key}, 'category', ['name' => '在日米軍基地', 'parent' => 1]);")
    assert told_of(reader, key) == ("在日米軍基地", "基地", "1")
    php(f"wp_delete_term({key}, 'category');")


def told_of(reader: Reader, category: str) -> tuple[str, str, str | None]:
    """What the next poll that asks for categories tells of one: every third does, while nothing else happens."""
    for _ in range(3):
        reader.poll()
        for one in (one for batch in reader.batches for one in batch.categories or () if one.key == category):
            return one.name, one.slug, one.parent
    raise AssertionError("nothing was told")


def test_plain_permalinks_are_no_hindrance() -> None:
    number = post()
    php("update_option('permalink_structure', ''); flush_rewrite_rules();")
    try:
        reader = Reader()
        reader.poll()
        assert number in reader.known
        assert any("rest_route" in url for url in reader.door.asked)
    finally:
        php("update_option('permalink_structure', '/%postname%/'); flush_rewrite_rules();")


def test_users_that_are_barred_cost_the_author_only() -> None:
    plugin = Path(SITE, "wp-content", "mu-plugins", "bar-users.php")
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(
        "<?php add_filter('rest_endpoints', function ($all) { return array_filter($all, "
        "fn($route) => !str_starts_with($route, '/wp/v2/users'), ARRAY_FILTER_USE_KEY); });"
    )
    try:
        number = post()
        reader = Reader()
        reader.poll()
        assert reader.known[number].authors == ()
    finally:
        plugin.unlink()


def test_an_application_password_opens_a_closed_site() -> None:
    plugin = Path(SITE, "wp-content", "mu-plugins", "members-only.php")
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(
        "<?php add_filter('rest_authentication_errors', fn($seen) => is_wp_error($seen) || is_user_logged_in() ? $seen"
        " : new WP_Error('rest_forbidden', 'members only', ['status' => 401]), 200);"
    )
    password = php(
        "echo WP_Application_Passwords::create_new_application_password(1, ['name' => 'feedpub' . wp_rand()])[0];"
    )
    said = {"name": "blog", "url": URL, "allow_private": True}
    try:
        member = WordPressOptions.model_validate({**said, "user": "admin", "application_password": password})
        assert member.open(Door(), HOME).changes(None).articles
        with pytest.raises(StoreError, match="bars its REST API"):
            WordPressOptions.model_validate(said).open(Door(), HOME).changes(None)
    finally:
        plugin.unlink()


@contextmanager
def plugged(code: str) -> Iterator[None]:
    """Have a plugin at work for a while. Each has a name of its own: PHP keeps a file it has read for two seconds."""
    plugin = Path(SITE, "wp-content", "mu-plugins", f"{crc32(code.encode())}.php")
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(f"<?php {code}", encoding="utf-8")
    try:
        yield
    finally:
        plugin.unlink()


def test_pages_and_types_of_the_sites_own_are_read_where_they_are_asked_for() -> None:
    with plugged(
        "add_action('init', fn() => register_post_type('event', ['public' => true, 'show_in_rest' => true,"
        " 'rest_base' => 'events', 'supports' => ['title']]));"
    ):
        event, page = post(post_type="'event'", post_title="'航空祭'"), post(post_type="'page'")
        reader = Reader(types=("posts", "pages", "events"))
        reader.poll()
        assert (reader.known[event].title, reader.known[event].content) == ("航空祭", "")
        assert reader.known[page].content == "<p>本文</p>\n"
        assert not {event, page} & set(Reader().poll())
        assert reader.public(event, page) == {event, page}
        php(f"wp_update_post(['ID' => {page}, 'post_title' => '改訂']);")
        assert set(reader.poll()) == {page}
        php(f"wp_trash_post({event});")
        assert reader.public(event, page) == {page}
    with pytest.raises(StoreError, match="has no events in its REST API"):
        Reader(types=("posts", "events")).poll()


def test_a_site_that_knows_no_modified_after_is_walked_from_the_last_modified_on() -> None:
    """As WordPress before 5.7: what is not registered is passed over."""
    with plugged(
        "add_filter('rest_post_collection_params', fn($all) => array_diff_key($all, ['modified_after' => 1]));"
    ):
        number = post()
        reader = Reader()
        reader.poll()
        php(f"wp_update_post(['ID' => {number}, 'post_content' => '<p>追記</p>']);")
        assert reader.poll()[number].content == "<p>追記</p>\n"
        assert any("orderby=modified" in url and "per_page=100" in url for url in reader.door.asked)
        assert not any("modified_after" in url for url in reader.door.asked)
        assert reader.poll() == {}


def test_a_caption_with_a_licence_tells_it() -> None:
    number = post()
    link = '<a href="https://creativecommons.org/licenses/by/2.0/">CC BY 2.0</a>'
    php(
        "$up = wp_upload_bits('by.gif', null, base64_decode('R0lGODlhAQABAAAAACwAAAAAAQABAAAC'));"
        "$media = wp_insert_attachment(['guid' => $up['url'], 'post_mime_type' => 'image/gif',"
        " 'post_status' => 'inherit',"
        f" 'post_excerpt' => '米空軍 / {link}'], $up['file'], 0); set_post_thumbnail({number}, $media);"
    )
    (image,) = Reader().poll()[number].images
    assert (image.credit, image.license) == ("米空軍 / CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/")
