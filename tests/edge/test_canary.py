"""No secret is ever shown: canaries in every secret option, failures of every kind, and a search through all that came.

Searched are standard output and error, pages and health, feeds, `--json`, and the bytes of every file but the config.
"""

from __future__ import annotations

import base64
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from tests.edge.front_door import SITE, STORE, Running, Site, Table, free_port, until
from tests.edge.receiver import Answer, Mood, Receiver, Seen


class Echo(Receiver):
    """A server that repeats whatever it was sent: an address and a token come back in every kind of answer."""

    def __init__(self, status: int, mood: Mood = Mood.PLAIN, *, page: bool = False) -> None:
        super().__init__()
        self.status, self.mood, self.page = status, mood, page

    def answer(self, seen: Seen) -> Answer:
        super().answer(seen)
        words = re.split("[/?=&]", seen.target)[-3:] + seen.headers.get("authorization", "").split()[-1:]
        said = f"bad: {' '.join(words)} {self.url}{seen.target} {dict(seen.headers)} {seen.body.decode()}"
        body: object = {"error": {"message": said}, "message": said, "code": 7, "url": self.url + seen.target}
        headers = {"location": seen.target, "x-echo": seen.headers.get("authorization", "")}
        return Answer(self.status, f"<html><title>{said}</title></html>" if self.page else body, headers, self.mood)


OAUTH = ("api_key", "api_secret", "access_token", "access_secret")
TROUBLES = {
    "yes": (200, Mood.PLAIN),
    "moved": (302, Mood.PLAIN),
    "unauthorized": (401, Mood.PLAIN),
    "missing": (404, Mood.PLAIN),
    "unprocessable": (422, Mood.PLAIN),
    "busy": (429, Mood.PLAIN),
    "broken": (500, Mood.PLAIN),
    "hanging": (200, Mood.HANG),
    "reset": (200, Mood.RESET),
    "noise": (200, Mood.NOISE),
}


@dataclass
class Canaries:
    """Secrets made up for one test, and the look for them."""

    made: dict[str, str] = field(default_factory=dict)

    def token(self, name: str) -> str:
        """Make a word that stands nowhere else, and does not look like a key by its length."""
        return self._keep(name, f"canary{sha256(name.encode()).hexdigest()[:8]}")

    def key(self, name: str) -> str:
        """Make a signing secret: base64 of a word."""
        word = base64.b64encode(f"canary {name} to sign with, {name}".encode()).decode()
        return "whsec_" + self._keep(name, word)

    def login(self, user: str, name: str) -> str:
        """Make a password; it must not appear as it is sent either."""
        password = self.token(name)
        self._keep(f"{name}, as sent", base64.b64encode(f"{user}:{password}".encode()).decode())
        return password

    def found_in(self, *shown: str | bytes) -> set[str]:
        """Which of them can be read, whole or by a long piece (a message may be cut)."""
        everything = b"\n".join(one.encode() if isinstance(one, str) else one for one in shown).lower()
        return {name for name, secret in self.made.items() for piece in _pieces(secret) if piece in everything}

    def _keep(self, name: str, secret: str) -> str:
        self.made[name] = secret
        return secret


def _pieces(secret: str) -> Iterator[bytes]:
    lowered = secret.lower().encode()
    yield from (lowered[start : start + 12] for start in range(0, len(lowered) - 11, 2))


# ---------------------------------------------------------------- networks and stores that fail


def test_no_secret_is_shown_whatever_networks_and_stores_answer(site: Site) -> None:
    canaries = Canaries()
    with ExitStack() as stack:
        urls = {name: stack.enter_context(Echo(status, mood)).url for name, (status, mood) in TROUBLES.items()}
        urls["page"] = stack.enter_context(Echo(200, page=True)).url
        urls["refused"] = f"http://127.0.0.1:{free_port()}"
        (site.folder / "secrets").mkdir()
        targets: Table = {
            f"{name}_{trouble}": target
            for trouble, url in urls.items()
            for name, target in every_kind(site, canaries, trouble, url).items()
        }
        stores: Table = {f"wp_{name}": wordpress(canaries, name, url) for name, url in urls.items()}
        tables: dict[str, Table] = {"stores": {"main": STORE} | stores, "targets": targets, "log": {"level": "debug"}}
        site.configure(**tables)
        daemon = site.start("run")
        until(lambda: len(daemon.events("store_failed")) >= len(stores))
        site.publish("one")
        until(lambda: len({event["target"] for event in daemon.events("delivery")}) == len(targets))
        seen = [*asked(site, daemon), *printed(site)]
        site.save(f"[targets.more]\nkind = 'mastodon'\ntokn = '{canaries.token('saved')}'\n")
        daemon.wait_for("config_refused")
        seen += asked(site, daemon)
        site.configure(**tables)
        daemon.wait_for("config_applied")
        secret = site.folder / "secrets" / "slack_yes"
        secret.write_bytes(secret.read_bytes() + b"\0")
        daemon.wait_for("config_refused", times=2)
        seen += asked(site, daemon)
        ended = daemon.end()
    outcomes = {event["outcome"] for event in daemon.events("delivery")}
    assert outcomes == {"said", "again", "doubt", "refused"}
    assert canaries.found_in(ended.out, ended.err, *seen) == set()
    assert canaries.found_in(*written_files(site)) == set()
    assert len(canaries.made) > 90


def every_kind(site: Site, canaries: Canaries, trouble: str, url: str) -> Table:
    """One target of each network, its secrets said in each of the ways there are."""
    plain: Table = {"allow_private": True, "timeout": "1s"}
    file = site.folder / "secrets" / f"slack_{trouble}"
    file.write_text(f"{url}/services/T0/B0/{canaries.token(f'slack_{trouble}')}\n", encoding="utf-8")
    variable = f"MASTODON_{trouble.upper()}"
    site.environ[variable] = canaries.token(f"mastodon_{trouble}")
    return {
        "webhook": plain
        | {
            "kind": "webhook",
            "url": f"{url}/{canaries.token(f'path_{trouble}')}?key={canaries.token(f'query_{trouble}')}",
            "secret": [canaries.key(f"old_{trouble}"), canaries.key(f"new_{trouble}")],
            "headers": {"Authorization": f"Bearer {canaries.token(f'header_{trouble}')}"},
        },
        "discord": plain
        | {"kind": "discord", "webhook_url": f"{url}/api/webhooks/1/{canaries.token(f'discord_{trouble}')}"},
        "slack": plain | {"kind": "slack", "webhook_url": {"file": str(file)}},
        "mastodon": plain | {"kind": "mastodon", "server": url, "token": {"env": variable}},
        "misskey": plain | {"kind": "misskey", "server": url, "token": canaries.token(f"misskey_{trouble}")},
        "telegram": plain
        | {"kind": "telegram", "api_url": url, "chat_id": "@news", "token": canaries.token(f"telegram_{trouble}")},
        "x": plain
        | {"kind": "x", "api_url": url, "budget": 20}
        | {name: canaries.token(f"{name}_{trouble}") for name in OAUTH},
    }


def wordpress(canaries: Canaries, trouble: str, url: str) -> Table:
    password = canaries.login("robot", f"wordpress_{trouble}")
    return {
        "kind": "wordpress",
        "url": url,
        "user": "robot",
        "application_password": password,
        "allow_private": True,
        "timeout": "1s",
    }


def asked(site: Site, daemon: Running) -> Iterator[str | bytes]:
    """What a running feedpub answers to strangers and to its admin."""
    for path in ("/health/live", "/feeds/", "/feeds/all.rss", "/feeds/all.atom", "/feeds/feeds.opml", "/nothing"):
        answer = daemon.ask(path)
        yield from (answer.body, str(answer.headers))
    for path in ("/health/ready", "/health/live", "/nothing"):
        yield daemon.ask(path, admin=True).body
    ended = site.start("status").wait()
    assert ended.code in {1, 2}, ended.err
    yield from (ended.out, ended.err)


def printed(site: Site) -> Iterator[str]:
    """What commands print beside a running feedpub."""
    for command in (
        "status --json",
        "deliveries list",
        "deliveries list --json",
        "announce one",
        "announce one --target nobody",
        "resume nobody",
        "check --offline",
        "check --config-only --stores --targets",
        "check --show",
        "check --show --json",
        "preview one",
        "preview one --json",
        "preview one --html seen.html",
        "deliveries retry --target nobody",
        "once",
    ):
        ended = site.start(*command.split()).wait()
        assert ended.code in {0, 1, 2}, ended.err
        yield from (ended.out, ended.err)


def written_files(site: Site) -> Iterator[bytes]:
    """Every file of the site but those that admins keep secrets in: feeds, and the database with all its reasons."""
    for path in site.folder.rglob("*"):
        if path.is_file() and not {"config", "secrets"} & set(path.parts):
            yield path.read_bytes()


# ---------------------------------------------------------------- configs that are refused

TARGET = '[targets.one]\nkind = "{kind}"\n{options}\n'
WORD = "canary0config0token"
REFUSED = {
    "no address": ("webhook", f'url = "{WORD}"'),
    "a password in an address": ("webhook", f'url = "https://user:{WORD}@hook.test/"'),
    "an address with a space": ("slack", f'webhook_url = "https://hook.test/ {WORD}"'),
    "an address of another kind": ("discord", f'webhook_url = "https://hook.test/{WORD}"'),
    "a server with a path": ("mastodon", f'token = "x"\nserver = "https://social.test/{WORD}"'),
    "a misspelt option": ("mastodon", f'server = "https://social.test"\ntokn = "{WORD}"'),
    "an unknown kind": (WORD, 'url = "https://hook.test/"'),
    "no signing secret": ("webhook", f'url = "https://hook.test/"\nsecret = "whsec_{WORD}!"'),
    "a signing secret too short": ("webhook", f'url = "https://hook.test/"\nsecret = ["whsec_{WORD[:12]}"]'),
    "a header on two lines": ("webhook", f'url = "https://hook.test/"\nheaders = {{ a = "x\\n{WORD}" }}'),
    "a list for a text": ("mastodon", f'server = "https://social.test"\ntoken = ["{WORD}"]'),
    "a table for a text": ("mastodon", f'server = "https://social.test"\ntoken = {{ value = "{WORD}" }}'),
    "a secret for a variable's name": ("slack", f'webhook_url = {{ env = "{WORD}" }}'),
    "a secret for a file's name": ("slack", f'webhook_url = {{ file = "{WORD}" }}'),
    "an address for a file's name": ("slack", f'webhook_url = {{ file = "https://hook.test/{WORD}" }}'),
    "both at once": ("slack", f'webhook_url = {{ env = "{WORD}", file = "{WORD}" }}'),
    "a broken template": ("console", f'template = "{{{{ {WORD}"'),
    "an unknown variable's filter": ("console", f'template = "{{{{ title | {WORD} }}}}"'),
    "quotes that do not end": ("slack", f'webhook_url = "{WORD}'),
    "no quotes": ("slack", f"webhook_url = {WORD}"),
    "no equals sign": ("slack", f'webhook_url "{WORD}"'),
    "the same key twice": ("slack", f'webhook_url = "{WORD}"\nwebhook_url = "{WORD}"'),
    "a key under a text": ("slack", f'webhook_url = "{WORD}"\nwebhook_url.file = "{WORD}"'),
    "a control character": ("slack", f'webhook_url = "{WORD}\x01"'),
    "a wrong escape": ("slack", f'webhook_url = "{WORD}\\q"'),
    "a number's place": ("console", f'flood_limit = "{WORD}"'),
    "a duration's place": ("console", f'timeout = "{WORD}"'),
    "a choice's place": ("console", f'on_doubt = "{WORD}"'),
}
OTHER_TABLES = {
    "another database": f'[database]\nurl = "mysql://user:{WORD}@db.test/news"\n',
    "no database": f'[database]\nurl = "{WORD}"\n',
    "a database's wrong port": f'[database]\nurl = "postgresql://user:{WORD}@127.0.0.1:many/news"\n',
    "a database's open bracket": f'[database]\nurl = "postgresql://user:{WORD}@[::1/news"\n',
    "a password in a store's address": f'[stores.wp]\nkind = "wordpress"\nurl = "https://user:{WORD}@wp.test/"\n',
    "a password without a user": (
        f'[stores.wp]\nkind = "wordpress"\nurl = "https://wp.test/"\napplication_password = "{WORD}"\n'
    ),
    "an address to listen on": f'[web]\nlisten = "{WORD}"\n',
}


def test_no_value_is_shown_of_a_config_that_is_refused(site: Site) -> None:
    site.configure(site=SITE, web={"listen": "127.0.0.1:8080"})
    whole = (site.folder / "config" / "feedpub.toml").read_text(encoding="utf-8")
    bare = "".join(f"[{part}" for part in whole.split("[")[1:] if not part.startswith(("database", "web")))
    cases = {name: TARGET.format(kind=kind, options=options) for name, (kind, options) in REFUSED.items()}
    for name, more in (cases | OTHER_TABLES).items():
        site.save(bare + more)
        refused = site.feedpub("status" if "bracket" in name or "port" in name else "check", code=2)
        assert WORD[:12] not in refused.out + refused.err, (name, refused.err)
        assert "config" in refused.err or "database.url" in refused.err, (name, refused.err)


@pytest.mark.parametrize(
    "content",
    [WORD.encode() + b"\0", WORD.encode() + b"\xff", WORD.encode() * 100_000, b"", None],
    ids=["a NUL byte", "not UTF-8", "too large", "empty", "a directory"],
)
def test_nothing_of_a_secret_file_that_is_of_no_use_is_shown(site: Site, content: bytes | None) -> None:
    file = site.folder / "secrets"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    site.configure(targets={"team": {"kind": "slack", "webhook_url": {"file": str(file)}}})
    refused = site.feedpub("check", code=2)
    assert "targets.team.webhook_url: the file " in refused.err
    assert WORD not in refused.err + refused.out


def test_no_value_of_the_environment_is_shown(site: Site) -> None:
    site.configure()
    for variable in ("TARGETS__ONE__TOKN", "TARGETS__ONE", "TARGETS", "DATABASE__URL", "STORES__MAIN__POLL", "LOG"):
        site.environ = {f"FEEDPUB_{variable}": WORD}
        refused = site.feedpub("check", code=2)
        assert "environment" in refused.err, refused.err
        assert WORD not in refused.err + refused.out


# ---------------------------------------------------------------- a database that is not there


def test_the_password_of_a_database_is_never_shown(site: Site) -> None:
    with Database() as database:
        addresses = [
            f"127.0.0.1:{free_port()}/news",
            f"127.0.0.1:{database.server_address[1]}/news",
            f"127.0.0.1:{free_port()}/news?sslmode={WORD}",
            f"127.0.0.1:{free_port()}/news?{WORD}={WORD}",
        ]
        runs = [(address, "once") for address in addresses]
        for address, command in [*runs, (addresses[0], "run"), (addresses[1], "status")]:
            site.configure(database={"url": f"postgresql://user:{WORD}@{address}"}, log={"level": "debug"})
            refused = site.feedpub(command, code=1)
            assert WORD not in refused.out + refused.err, (address, refused)
            assert refused.err.count("\n") == 1, refused.err
        assert database.told == [WORD, WORD]


class Database(socketserver.ThreadingTCPServer):
    """Speaks as PostgreSQL does, asks for the password in clear, and repeats it as it refuses it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.told: list[str] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Refusal(socketserver.StreamRequestHandler):
    """One conversation, in the messages of PostgreSQL's frontend/backend protocol 3.0."""

    server: Database

    def handle(self) -> None:
        while (size := int.from_bytes(self.rfile.read(4))) == 8:  # encryption is asked for
            self.rfile.read(4)
            self.wfile.write(b"N")
        self.rfile.read(size - 4)
        self.wfile.write(b"R" + (8).to_bytes(4) + (3).to_bytes(4))
        self.rfile.read(1)
        password = self.rfile.read(int.from_bytes(self.rfile.read(4)) - 4).rstrip(b"\0").decode()
        self.server.told.append(password)
        said = f"SFATAL\0C28P01\0Mpassword authentication failed for user:{password}\0\0".encode()
        self.wfile.write(b"E" + (len(said) + 4).to_bytes(4) + said)
