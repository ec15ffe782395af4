"""A sample Japanese site in a throw-away directory -> the daemon at work, with a new article every 20 s."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from feedpub.app import App, now
from feedpub.commands.own_files import own_files
from feedpub.daemon import Daemon
from feedpub.model import RawComment
from feedpub.settings import load
from feedpub.web import Fronts, Server, public_app

NEXT_ARTICLE_EVERY = 20.0
"""Seconds."""

_CONFIG = """\
[site]
title = "汐見航空ニュース"
description = "feedpub の見本サイト"
url = "https://example.jp/"
language = "ja"
timezone = "Asia/Tokyo"

[stores.main]
kind = "sql"
path = "{folder}/articles.db"
poll = "2s"

[feeds]
base_url = "http://127.0.0.1:{port}/"
output = "{folder}/public"
archive = 10
tags = true
authors = true
footer = '<p><a href="{{{{ url }}}}">{{{{ site }}}}で読む</a></p>'

[feeds.categories.us]
name = "米国関連"
formerly = ["america"]

[feeds.own.words]
title = "やさしい航空用語"
tags = ["用語"]
skip_categories = ["米国関連"]

[targets.terminal]
kind = "console"
template = "{{{{ headline }}}}\\n{{{{ url }}}}"

[database]
url = "sqlite:///{folder}/feedpub.db"

[web]
listen = "{host}:{port}"

[admin]
listen = "{admin}"

[log]
level = "warning"
"""


def run(environ: Mapping[str, str], show: Callable[[str], None]) -> int:
    """Run the sample site until Ctrl-C; returns the exit code."""
    wanted = environ.get("FEEDPUB_WEB__LISTEN", "127.0.0.1:8080")
    with tempfile.TemporaryDirectory(prefix="feedpub-demo-") as folder:
        public = Server.start(public_app(Path(folder) / "public"), wanted, try_next=True)
        host, port = wanted.rpartition(":")[0], public.port
        config = Path(folder) / "config"
        config.mkdir()
        admin = environ.get("FEEDPUB_ADMIN__LISTEN", f"{host}:0")
        text = _CONFIG.format(folder=folder, host=host, port=port, admin=admin)
        (config / "feedpub.toml").write_text(text, encoding="utf-8")
        app = App.open(load(config, {}), lead=True, show=show)
        _import(app, "site.jsonl")
        _comment(app, "comments.jsonl")
        app.once()
        fronts = Fronts(app, public)
        if wanted.rpartition(":")[2] not in {"0", str(port)}:
            show(f"{wanted} is taken by another program, so the demo answers at port {port}.")
        show(f"Pages and feeds: http://127.0.0.1:{port}/   (Ctrl-C ends the demo)")
        token = own_files(app.settings).token.read_text(encoding="ascii").strip()
        show(f"Admin page:      http://127.0.0.1:{fronts.admin_port}/   (its token: {token})")
        show(f"{app.status().articles.get('live', 0)} sample articles noted, none announced.")
        show(f"A new one appears every {NEXT_ARTICLE_EVERY:.0f} s; below is what would be posted.\n")
        threading.Thread(target=_write_on, args=(app, Path(folder)), daemon=True).start()
        return Daemon(app, None, {}).run(fronts)


def _write_on(app: App, folder: Path) -> None:
    """Write one article after the other, as authors do."""
    pause, one = threading.Event(), folder / "one.jsonl"
    with _content("upcoming.jsonl") as path:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            pause.wait(NEXT_ARTICLE_EVERY if number else 5.0)
            one.write_text(
                line.rstrip().removesuffix("}") + f', "published": "{now().isoformat()}"}}\n', encoding="utf-8"
            )
            app.import_files([one])


def _import(app: App, name: str) -> None:
    with _content(name) as path:
        app.import_files([path])


def _comment(app: App, name: str) -> None:
    """Say what readers say: JSON Lines know no comments, as docs/schema.md has them written with SQL."""
    with _content(name) as path, closing(app.embedded()) as store:
        lines = path.read_text(encoding="utf-8").splitlines()
        store.put((), comments=[RawComment(**json.loads(line)) for line in lines])


@contextmanager
def _content(name: str) -> Iterator[Path]:
    with as_file(files(__package__) / name) as path:
        yield path
