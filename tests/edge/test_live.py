"""`feedpub run`: it follows its config while it works, stops when it is told to, and lets nobody starve."""

from __future__ import annotations

import re
import signal
import time
from functools import partial
from pathlib import Path

from standardwebhooks import Webhook

from tests.edge.front_door import (
    CONSOLE,
    ENGLISH,
    STORE,
    Running,
    Site,
    Table,
    discord,
    free_port,
    measured,
    until,
    webhook,
)
from tests.edge.receiver import Answer, Mood, Receiver

FIRST, SECOND = "whsec_" + "Zmlyc3Q" * 6 + "==", "whsec_" + "c2Vjb25k" * 5


def polled_at(site: Site, store: str) -> float:
    """When a store was last polled, in seconds since 1970; 0 if never."""
    rows = site.sql("SELECT polled_at FROM store WHERE name = ?", store, file="feedpub.db")
    return rows[0][0] / 1e6 if rows and rows[0][0] else 0.0


def running(site: Site, *args: str) -> Running:
    """Start the daemon, and wait until it has polled for the first time."""
    daemon = site.start(*args, "run")
    daemon.wait_for("listening")
    until(lambda: polled_at(site, "main"))
    return daemon


def problems(daemon: Running) -> list[str]:
    answer = daemon.ask("/health/ready", admin=True)
    told: list[str] = answer.json["problems"]
    assert (answer.status, answer.json["ready"]) == ((503, False) if told else (200, True))
    return told


# ---------------------------------------------------------------- the config, live


def test_a_saved_cadence_is_in_force_within_two_seconds_and_others_keep_their_phase(
    site: Site,
) -> None:
    other = STORE | {"path": "other.db", "poll": "4s"}
    site.configure(stores={"main": STORE | {"poll": "1h"}, "other": other})
    daemon = running(site)
    main, beside = Beats(site, "main"), Beats(site, "other")
    until(lambda: main.look() and beside.look())
    time.sleep(2)  # so that a phase that is lost shows
    assert len(main.look()) == len(beside.look()) == 1
    site.configure(stores={"main": STORE | {"poll": "1s"}, "other": other})
    seconds = until(lambda: beside.look() and len(main.look()) > 1)
    measured("from saving to the first poll by the new cadence", seconds)
    assert seconds < 20  # two, were the machine our own
    until(lambda: len(main.look()) >= 3 and len(beside.look()) == 2)
    assert all(-0.6 < late < 1.5 for late in beside.off_beat(4.0)), beside.off_beat(4.0)
    daemon.end()


class Beats:
    """The moments at which a store was polled, as far as somebody looked."""

    def __init__(self, site: Site, store: str) -> None:
        self.site, self.store = site, store
        self.seen: list[float] = []

    def look(self) -> list[float]:
        beat = polled_at(self.site, self.store)
        # A first poll is noted twice: when it records what there is, and at its end.
        if beat - (self.seen[-1] if self.seen else 0) > 0.5:
            self.seen.append(beat)
        return self.seen

    def off_beat(self, every: float) -> list[float]:
        """How much later than by the first one's phase each came; less than zero for earlier."""
        since = [beat - self.seen[0] for beat in self.seen]
        return [after - every * round(after / every) for after in since]


def test_a_mistake_in_the_file_changes_nothing_and_is_told_until_it_is_mended(site: Site) -> None:
    site.configure(targets={"terminal": CONSOLE}, admin={"listen": f"127.0.0.1:{free_port()}"})
    daemon = running(site)
    assert problems(daemon) == []
    assert site.feedpub("healthcheck").out == ""
    good = (site.folder / "config" / "feedpub.toml").read_text(encoding="utf-8")
    for spoiled, place in (
        (good.replace("poll = ", "poll == "), r"config/feedpub\.toml:\d+: "),
        (good.replace("poll = ", "pol = "), r"config/feedpub\.toml:\d+: stores\.main\.pol: .*did you mean \"poll\""),
    ):
        times = len(daemon.events("config_refused"))
        site.save(spoiled)
        told = daemon.wait_for("config_refused", times=times + 1)
        assert re.match(place, told["why"]), told["why"]
        assert [one for one in problems(daemon) if one.startswith("the saved config is not in force: config/")]
        assert daemon.ask("/health/live").status == 200
    site.publish("meanwhile")
    until(lambda: "https://news.test/meanwhile" in daemon.out)
    site.save(good)
    until(lambda: problems(daemon) == [])
    daemon.wait_for("config_applied")
    assert len(daemon.events("config_applied")) == 1
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("config_applied", times=2)
    daemon.end()
    assert "127.0.0.1 refuses connections" in site.feedpub("healthcheck", code=1).err


def test_a_target_added_live_hears_of_the_next_article_and_one_removed_of_no_more(site: Site) -> None:
    with Receiver() as server:
        site.configure(targets={"terminal": CONSOLE})
        daemon = running(site)
        site.publish("before")
        until(lambda: "https://news.test/before" in daemon.out)
        site.configure(targets={"hook": webhook(server)})
        daemon.wait_for("config_applied")
        site.publish("after")
        assert [seen.json["data"]["id"] for seen in server.wait_for(1)] == ["after"]
        assert "https://news.test/after" not in daemon.out
        daemon.end()


def test_a_mounted_config_and_a_rotated_secret_take_effect_when_their_links_are_swapped(site: Site) -> None:
    """As Kubernetes does it: files are links into `..data`, which is itself a link, and is replaced."""
    with Receiver() as server:
        hook = webhook(server, secret={"file": "secrets/signing"})
        site.configure(targets={"hook": hook})
        text = (site.folder / "config" / "feedpub.toml").read_text(encoding="utf-8")
        config, secrets = Mount(site.folder / "mounted"), Mount(site.folder / "secrets")
        config.swap({"feedpub.toml": text})
        secrets.swap({"signing": FIRST})
        daemon = running(site, "--config", "mounted")
        site.publish("one")
        verified(server, 1, FIRST)
        secrets.swap({"signing": SECOND})
        daemon.wait_for("config_applied")
        site.publish("two")
        verified(server, 2, SECOND)
        config.swap({"feedpub.toml": text.replace("[targets.hook]", '[targets.hook]\nheaders = { "x-version" = "2" }')})
        daemon.wait_for("config_applied", times=2)
        site.publish("three")
        assert verified(server, 3, SECOND)["x-version"] == "2"
        daemon.end()


class Mount:
    """A directory as Kubernetes mounts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = 0
        folder.mkdir()

    def swap(self, files: dict[str, str]) -> None:
        self.version += 1
        inside = self.folder / f"..v{self.version}"
        inside.mkdir()
        for name, text in files.items():
            (inside / name).write_text(text, encoding="utf-8")
        (self.folder / "..data_tmp").symlink_to(inside.name)
        (self.folder / "..data_tmp").replace(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")


def verified(server: Receiver, count: int, secret: str) -> dict[str, str]:
    """The headers of the latest of so many events, signed with a secret (checked by another library)."""
    latest = server.wait_for(count)[count - 1]
    Webhook(secret).verify(latest.body.decode(), dict(latest.headers))
    return dict(latest.headers)


# ---------------------------------------------------------------- serving


def test_readers_are_served_by_the_running_daemon(site: Site) -> None:
    site.configure()
    daemon = running(site)
    site.publish("one")
    until(lambda: b"https://news.test/one" in daemon.ask("/feeds/all.rss").body)
    for ending, kind in (("rss", "application/rss+xml"), ("atom", "application/atom+xml")):
        whole = daemon.ask(f"/feeds/all.{ending}")
        assert whole.status == 200
        assert whole.headers["content-type"].partition(";")[0] == kind
        assert whole.body == (site.folder / "public" / f"all.{ending}").read_bytes()
        etag = whole.headers["etag"]
        assert re.fullmatch(r'"[^"]+"', etag)
        same = daemon.ask(f"/feeds/all.{ending}", headers={"If-None-Match": etag})
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", etag)
        head = daemon.ask(f"/feeds/all.{ending}", method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.body))
        site.publish(f"more-{ending}")
        until(partial(changed, daemon, f"/feeds/all.{ending}", whole.body))
        assert daemon.ask(f"/feeds/all.{ending}", headers={"If-None-Match": etag}).status == 200
    assert daemon.ask("/feeds/").headers["content-type"] == "text/html; charset=utf-8"
    assert daemon.ask("/feeds/../feedpub.db").status == 404
    assert daemon.ask("/health/live").status == 200
    daemon.end()


def changed(daemon: Running, path: str, before: bytes) -> bool:
    return daemon.ask(path).body != before


# ---------------------------------------------------------------- one leader, and its end


def test_a_second_daemon_on_the_same_database_is_refused_in_one_sentence(site: Site) -> None:
    site.configure()
    daemon = running(site)
    for command in ("run", "once"):
        refused = site.feedpub(command, code=1)
        assert refused.out == ""
        assert re.fullmatch(r"another feedpub already runs on feedpub\.db: stop it first, [^\n]+\n", refused.err)
    assert problems(daemon) == []
    site.feedpub("status")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait().code == 0
    site.feedpub("once")


def test_hanging_targets_starve_nobody_and_are_cut_when_feedpub_is_stopped(
    site: Site,
) -> None:
    with Receiver() as hanging, Receiver() as healthy:
        hanging.default = Answer(200, mood=Mood.HANG)
        slow: Table = {f"hang{number}": webhook(hanging, timeout="60s") for number in range(20)}
        site.configure(site=ENGLISH, targets=slow | {"well": webhook(healthy)})
        daemon = running(site)
        site.publish("one")
        until(lambda: len(hanging.requests) >= 1)
        seconds = until(lambda: healthy.requests)
        measured("until the healthy one among 20 hanging targets heard", seconds)
        assert seconds < 20  # they have sixty
        hanging.wait_for(20)
        begun = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait().code == 0
        seconds = time.monotonic() - begun
        measured("to stop with 20 conversations under way", seconds)
        assert 6 < seconds < 40
        states = {one["target"]: one["state"] for one in site.deliveries()}
        assert states.pop("well") == "sent"
        assert states == dict.fromkeys(slow, "doubtful")
        told = site.feedpub("status", code=1).out
        assert "targets.hang7: nobody knows whether 1 " in told


def test_whoever_tells_it_twice_is_obeyed_at_once_and_the_doubt_is_told_afterwards(site: Site) -> None:
    with Receiver() as hanging:
        hanging.default = Answer(200, {"id": "1"}, mood=Mood.HANG)
        site.configure(site=ENGLISH, targets={"room": discord(hanging, timeout="60s")})
        hanging.default = Answer(200, {"id": "1"}, mood=Mood.HANG)
        daemon = running(site)
        site.publish("one")
        hanging.wait_for(1)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("stopping")
        begun = time.monotonic()
        daemon.signal(signal.SIGINT)
        assert daemon.wait().code == 1
        assert time.monotonic() - begun < 5  # an end that waits takes eight
        assert [one["state"] for one in site.deliveries()] == ["sending"]
        told = site.feedpub("once")
        assert '"deliveries_recovered"' in told.err
        assert "Problem: targets.room: nobody knows whether 1 " in told.out
        assert [(one["state"], one["error"]) for one in site.deliveries()] == [
            ("doubtful", "feedpub was stopped while it was being said")
        ]
        assert len(hanging.requests) == 1
