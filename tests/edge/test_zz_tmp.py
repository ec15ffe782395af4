from tests.edge.test_faults import *
from tests.edge.conftest import *
def test_x(site, receiver):
    feeds = FEEDS | {"formats": ["rss"]}
    site.configure(feeds=feeds, targets={"hook": webhook(receiver)})
    site.feedpub("once")
    for key, slug in (("1", "ill"), ("2", "well")):
        site.sql("INSERT INTO category (id, name, slug) VALUES (?, ?, ?)", key, slug, slug)
    print(site.feedpub("once"))
    blocked = site.folder / "public" / "category" / "ill.rss"
    blocked.unlink()
    blocked.mkdir()
    site.publish("a", categories=["1"])
    site.publish("b", categories=["2"])
    failed = site.feedpub("once", code=1)
    print(failed.err, failed.out)
    print(site.sql("select address, dirty_seq, built_seq from feed", file="feedpub.db"))
    print(site.sql("select id, seq, state from article", file="feedpub.db"))
    print(site.sql("select article, state, held_by from delivery", file="feedpub.db"))
    print(site.sql("select * from membership", file="feedpub.db"))
    print(site.sql("select * from feed_source", file="feedpub.db"))
    assert 0
