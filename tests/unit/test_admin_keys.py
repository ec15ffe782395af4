"""What a token proves, and how long who guesses it wrong has to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedpub.web.admin.access import is_ours, local
from feedpub.web.admin.bodies import MOST_FIELDS, Refusal, fields
from feedpub.web.admin.keys import SESSION_SECONDS, Keys
from feedpub.web.admin.tries import EVERY, FREE, MOST_KNOWN, Tries

TOKEN = "a-token-that-nobody-guesses"
ID = "by-chance-by-chance"
NOW = 1_800_000_000.0


# ---------------------------------------------------------------- sessions


def test_a_session_outlives_a_restart_and_ends_with_its_time_or_its_token() -> None:
    session, cookie = Keys(TOKEN).begin(ID, NOW)
    assert Keys(TOKEN).session(cookie, NOW + SESSION_SECONDS - 1) == session
    assert Keys(TOKEN).session(cookie, NOW + SESSION_SECONDS) is None
    assert Keys(TOKEN + "x").session(cookie, NOW) is None


@given(st.integers(0, 200), st.characters())
def test_no_letter_of_a_cookie_can_be_changed(place: int, letter: str) -> None:
    _, cookie = Keys(TOKEN).begin(ID, NOW)
    at = place % len(cookie)
    forged = cookie[:at] + letter + cookie[at + 1 :]
    assert (Keys(TOKEN).session(forged, NOW) is not None) == (forged == cookie)


@given(st.text() | st.from_regex(r"[0-9]{10}\.[\w-]{16}\.[\w-]{43}", fullmatch=True))
def test_nothing_else_is_a_cookie(text: str) -> None:
    assert Keys(TOKEN).session(text, 0) is None


@given(st.text())
def test_only_the_token_opens_and_only_what_was_made_for_pings_asks_for_a_poll(said: str) -> None:
    keys = Keys(TOKEN)
    assert not keys.opens(said)
    assert not keys.pings(said)
    assert keys.opens(TOKEN)
    assert keys.pings(TOKEN)
    assert keys.pings(keys.ping)
    assert not keys.opens(keys.ping)


def test_what_is_made_of_a_token_tells_nothing_of_it_and_each_is_another() -> None:
    keys = Keys(TOKEN)
    session, cookie = keys.begin(ID, NOW)
    made = [keys.cookie, keys.ping, session.csrf, cookie.rpartition(".")[2]]
    assert len({one[-8:] for one in made}) == len(made)
    assert all(TOKEN not in one for one in [*made, cookie, repr(keys)])
    assert keys.begin(ID + "2", NOW)[0].csrf != session.csrf


# ---------------------------------------------------------------- guesses


def test_who_guesses_wrong_too_often_waits_and_never_long() -> None:
    tries = Tries()
    for _ in range(FREE):
        assert tries.wait("192.0.2.1", 0) == 0
        tries.wrong("192.0.2.1", 0)
    assert tries.wait("192.0.2.1", 0) == EVERY
    assert tries.wait("192.0.2.1", EVERY) == 0
    for second in range(100):  # judged only when nothing has to be waited for
        if not tries.wait("192.0.2.1", 10.0 + second):
            tries.wrong("192.0.2.1", 10.0 + second)
        assert tries.wait("192.0.2.1", 10.0 + second) <= EVERY


def test_who_guesses_elsewhere_locks_nobody_out() -> None:
    tries = Tries()
    for _ in range(FREE):
        tries.wrong("192.0.2.1", 0)
    assert tries.wait("192.0.2.2", 0) == 0
    tries.right("192.0.2.1")
    assert tries.wait("192.0.2.1", 0) == 0


def test_all_addresses_of_one_network_of_ipv6_guess_together() -> None:
    tries = Tries()
    for number in range(FREE):
        tries.wrong(f"2001:db8::{number:x}", 0)
    assert tries.wait("2001:db8::ffff", 0) == EVERY
    assert tries.wait("2001:db8:0:1::1", 0) == 0
    assert tries.wait("::ffff:192.0.2.1", 0) == 0


def test_a_crowd_of_guessers_takes_no_more_memory() -> None:
    tries = Tries()
    for number in range(3 * MOST_KNOWN):
        tries.wrong(f"10.0.{number // 256}.{number % 256}", number)
    assert len(tries._spent) == MOST_KNOWN


# ---------------------------------------------------------------- names, ways on, forms


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "192.168.1.20", "::1", "localhost", "nas", "feedpub", "a.localhost", "admin.example.com"]
)
def test_an_ip_a_name_without_a_dot_and_a_name_of_the_config_lead_here(name: str) -> None:
    assert is_ours(name, {"admin.example.com"})


@pytest.mark.parametrize("name", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "1.2.3.4.5"])
def test_no_other_name_leads_here(name: str) -> None:
    assert not is_ours(name, {"admin.example.com"})


@pytest.mark.parametrize("then", ["/", "/deliveries?state=failed&page=2", "/targets/x"])
def test_after_a_login_one_goes_on_to_the_page_one_meant(then: str) -> None:
    assert local(then) == then


@pytest.mark.parametrize(
    "then",
    [
        "",
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\r\nX: y",
        "javascript:alert(1)",
        "/" * 3000,
    ],
)
def test_after_a_login_nobody_is_led_away(then: str) -> None:
    assert local(then) == "/"


@given(st.text())
def test_wherever_one_goes_on_to_is_one_line_of_ascii_on_this_server(then: str) -> None:
    assert local(then).isascii()
    assert local(then).isprintable()
    assert local(then)[:1] == "/"
    assert local(then)[:2] not in {"//", "/\\"}


@given(st.binary())
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    assert all(isinstance(value, str) for values in fields(body).values() for value in values)


def test_a_form_of_too_many_fields_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        fields(b"&".join([b"a=1"] * (MOST_FIELDS + 1)))
    assert refused.value.status == 413
