"""What to tell those who want to know what is wrong, and when: tables and laws, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from feedpub.commands.telling import written
from feedpub.model import Notice, Site
from feedpub.networks import Console, Mastodon, Webhook
from feedpub.networks.base import Network
from feedpub.notices.alerts import AGAIN, APART, EVENT, TEXT, Ill, Known, Memory, Message, look, message, told

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SITE = Site(title="航空ニュース", url="https://news.test/", language="ja", timezone="Asia/Tokyo")
ENGLISH = SITE.model_copy(update={"language": "en-GB"})


def ill(key: str, *, since: datetime = NOW, patience: timedelta = timedelta(0), count: int = 0) -> Ill:
    return Ill(key, f"{key} is wrong", since, patience, count)


class Told:
    """Somebody who hears everything, and what they heard."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now
        self.memory: Memory = {}
        self.heard: list[tuple[datetime, tuple[str, ...], tuple[str, ...]]] = []

    def sees(self, *ills: Ill, after: timedelta = timedelta(0), deaf: bool = False) -> Message | None:
        """A look after some time; gives back what is to be said. `deaf`: they do not hear it."""
        self.now += after
        self.memory = look(self.memory, ills, self.now)
        said = message(self.memory, ills, "ops", self.now)
        if said is not None and not deaf:
            self.memory = told(self.memory, said, self.now)
            self.heard.append((self.now, tuple(one.key for one in said.ills), said.over))
        return said


def keys(said: Message | None) -> tuple[str, ...]:
    return () if said is None else tuple(one.key for one in said.ills)


# ---------------------------------------------------------------- when


def test_an_ill_is_told_once_and_again_after_a_day_and_once_when_it_is_over() -> None:
    ops, paused = Told(), ill("paused:hook")
    assert keys(ops.sees(paused)) == ("paused:hook",)
    for _ in range(23):
        assert ops.sees(paused, after=HOUR) is None
    assert keys(ops.sees(paused, after=HOUR)) == ("paused:hook",)
    assert ops.sees(paused, after=HOUR) is None
    over = ops.sees(after=HOUR)
    assert over is not None
    assert (over.ills, over.over) == ((), ("paused:hook",))
    assert ops.sees(after=HOUR) is None
    assert keys(ops.sees(paused, after=HOUR)) == ("paused:hook",), "it is another one now"


def test_what_mends_itself_in_time_is_never_told_and_nor_is_its_end() -> None:
    ops = Told()
    for _ in range(59):
        assert ops.sees(ill("store:blog", patience=HOUR), after=MINUTE) is None
    assert ops.sees(after=MINUTE) is None
    assert ops.heard == []


def test_what_lasts_is_told_when_its_patience_is_over_counted_from_its_beginning() -> None:
    ops = Told()
    assert keys(ops.sees(ill("store:blog", since=NOW - HOUR, patience=HOUR))) == ("store:blog",)
    fresh = Told()
    assert fresh.sees(ill("config:", since=NOW, patience=MINUTE)) is None
    later = ill("config:", since=NOW + MINUTE, patience=MINUTE)  # who sees it does not know since when it is there
    assert keys(fresh.sees(later, after=MINUTE)) == ("config:",)


def test_what_comes_together_is_one_message_and_what_comes_after_waits_its_turn() -> None:
    ops, many = Told(), [ill(f"paused:t{number}") for number in range(10)]
    assert len(keys(ops.sees(*many))) == 10
    assert ops.sees(*many, ill("paused:late"), after=MINUTE) is None
    assert keys(ops.sees(*many, ill("paused:late"), after=APART)) == ("paused:late",)


def test_what_was_given_up_before_is_no_news_and_what_is_given_up_since_is_told_once() -> None:
    ops = Told()
    assert ops.sees(ill("died:hook", count=7)) is None
    said = ops.sees(ill("died:hook", count=9), ill("died:room", count=1), after=HOUR)
    assert keys(said) == ("died:hook", "died:room")
    assert ops.sees(ill("died:hook", count=9), ill("died:room", count=1), after=2 * AGAIN) is None
    assert ops.sees(ill("died:hook", count=8), after=HOUR) is None, "one was tried again, and went well"
    assert keys(ops.sees(ill("died:hook", count=9), after=HOUR)) == ("died:hook",)
    assert ops.sees(after=HOUR) is None


def test_whoever_could_not_be_told_is_told_by_the_same_key_until_they_hear() -> None:
    ops, paused = Told(), ill("paused:hook")
    first, second = ops.sees(paused, deaf=True), ops.sees(paused, after=MINUTE, deaf=True)
    third = ops.sees(paused, after=MINUTE)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.key == second.key == third.key
    again = ops.sees(paused, after=AGAIN)
    assert again is not None
    assert again.key != first.key


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    ops, paused = Told(), ill("paused:hook")
    ops.sees(paused)
    back = timedelta(days=-400)
    assert keys(ops.sees(ill("paused:room", since=NOW + back), paused, after=back)) == ("paused:room", "paused:hook")
    fresh = Told()
    fresh.sees(ill("store:blog", patience=HOUR))
    assert fresh.sees(ill("store:blog", patience=HOUR), after=-10 * HOUR) is None
    assert keys(fresh.sees(ill("store:blog", patience=HOUR), after=HOUR)) == ("store:blog",)


Moments = st.lists(
    st.tuples(st.integers(1, 3000), st.sets(st.sampled_from(["paused:a", "paused:b", "store:c"])), st.booleans()),
    max_size=40,
)


@given(Moments)
def test_however_things_go_wrong_and_well_nobody_is_told_too_often_or_of_an_end_without_its_beginning(
    moments: Sequence[tuple[int, set[str], bool]],
) -> None:
    ops = Told()
    for minutes, wrong, deaf in moments:
        ops.sees(*(ill(key, since=ops.now) for key in sorted(wrong)), after=minutes * MINUTE, deaf=deaf)
    times = [at for at, _, _ in ops.heard]
    assert all(later - sooner >= APART for sooner, later in pairwise(times))
    standing: dict[str, datetime] = {}
    for at, wrong_now, over in ops.heard:
        for key in over:
            del standing[key]
        for key in wrong_now:
            assert key not in standing or at - standing[key] >= AGAIN
            standing[key] = at


# ---------------------------------------------------------------- in words


def say(target: Network, said: Message, memory: Mapping[str, Known] | None = None, site: Site = SITE) -> Notice:
    known = memory or look({}, said.ills, NOW)
    return written(said, known, target, site, NOW)


TERMINAL = Console(name="ops", template=TEXT)


def test_it_is_said_in_the_language_of_the_site() -> None:
    said = Message((Ill("paused:hook", "targets.hook is paused: HTTP 401", NOW),), ("store:blog",), "msg_1")
    assert say(TERMINAL, said, site=ENGLISH).text == (
        "[航空ニュース] something needs a look\n"
        "- targets.hook is paused: HTTP 401\n"
        "- over: stores.blog can be read again"
    )
    assert say(TERMINAL, said).text == (
        "【航空ニュース】ご確認ください\n"
        "・targets.hook is paused: HTTP 401\n"
        "・解消：stores.blog を読めるようになりました"
    )
    assert say(TERMINAL, said).key == "msg_1"


def test_what_is_only_over_and_what_lasts_and_how_many_died_is_said() -> None:
    assert say(TERMINAL, Message((), ("store:brief-desk", "odd:x"), "k"), {}).text == (
        "【航空ニュース】元に戻りました\n・解消：短信を読めるようになりました\n・解消：x"
    )
    lasting, died = ill("paused:hook"), ill("died:room", count=9)
    memory = {"paused:hook": Known(NOW - AGAIN, NOW - AGAIN), "died:room": Known(NOW, None, 7)}
    assert say(TERMINAL, Message((lasting, died), (), "k"), memory, ENGLISH).text == (
        "[航空ニュース] 2 things need a look\n"
        "- since 2026-11-22 12:00: paused:hook is wrong\n"
        "- targets.room: 2 notices could not be said, and were given up: "
        "`feedpub deliveries list --state failed --target room` tells why"
    )
    memory["died:room"] = Known(NOW, None, 8)
    assert "targets.room：1件の投稿をあきらめました" in say(TERMINAL, Message((died,), (), "k"), memory).text


def test_a_message_fits_and_what_is_left_out_is_counted() -> None:
    social = Mastodon.model_validate({"kind": "mastodon", "server": "https://social.test", "token": "t", "name": "ops"})
    social = social.model_copy(update={"template": TEXT})
    many = tuple(Ill(f"paused:t{number}", f"targets.t{number}：{'長い理由' * 20}", NOW) for number in range(40))
    text = say(social, Message(many, (), "k")).text
    assert social.measure(text).fits
    assert "ご確認ください（40件）" in text
    assert text.splitlines()[-1] == f"…ほか{40 - text.count('長い理由' * 20)}件は `feedpub status` で確かめられます"
    endless = say(social, Message((Ill("config:", "x" * 5000, NOW),), (), "k")).text
    assert social.measure(endless).fits
    assert endless.endswith("…")
    assert len(say(TERMINAL, Message(many, (), "k")).text.splitlines()) == 22


def test_several_lines_of_one_ill_stay_one_line() -> None:
    said = Message((Ill("config:", "a.toml:3: x\n\n  b.toml:9: y\n", NOW),), (), "k")
    assert say(TERMINAL, said).text.splitlines()[1:] == ["・a.toml:3: x; b.toml:9: y"]


def test_a_webhook_gets_an_event_of_its_own_kind() -> None:
    hook = Webhook.model_validate({"kind": "webhook", "url": "https://x.test/", "template": EVENT, "name": "ops"})
    text = say(hook, Message((ill('paused:"hook"'),), (), "k")).text
    assert text == (
        '{"type":"feedpub.alert","timestamp":"2026-11-23T12:00:00+09:00","data":{"text":"【航空ニュース】ご確認ください'
        '\\n・paused:\\"hook\\" is wrong","site":"https://news.test/","language":"ja"}}'
    )
