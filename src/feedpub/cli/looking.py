"""Looking at what runs: status, healthcheck."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import tzinfo

import typer
from pydantic import ValidationError

from feedpub.app import Pace, Status
from feedpub.cli.root import AsJson, cli, known
from feedpub.cli.show import moment, say, say_json, table
from feedpub.errors import ConfigError, FeedpubError, UnreachableError
from feedpub.http import Door
from feedpub.model import Request, State, parse_duration
from feedpub.settings import AdminOptions, load


@cli.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell how everything stands: stores, feeds, targets, quarantine, problems. Exit code 1 if there are problems."""
    with known(context) as app:
        found, zone = app.status(), app.settings.site.zone
    if as_json:
        say_json(asdict(found) | {"problems": [str(one) for one in found.problems]})
    else:
        _print_status(found, zone)
    sys.exit(1 if found.problems else 0)


@cli.command()
def healthcheck(context: typer.Context) -> None:
    """Ask the running feedpub whether it lives; prints what is wrong. For a container's HEALTHCHECK."""
    admin = _admin(context)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(admin.host, admin.host)  # noqa: S104 - asked of ourselves
    address = f"http://[{host}]:{admin.port}" if ":" in host else f"http://{host}:{admin.port}"
    ready = Request("GET", f"{address}/health/ready")
    try:
        reply = Door().fetch(ready, timeout=parse_duration("5s"), allow_private=True)
    except UnreachableError as error:
        raise FeedpubError(f"{error} at port {admin.port}: does feedpub run, and is this its admin.listen?") from None
    try:
        problems = json.loads(reply.body)["problems"]
    except (ValueError, TypeError, KeyError):
        raise FeedpubError(f"what answers at {host}:{admin.port} is not feedpub: check admin.listen") from None
    for problem in problems:
        say(problem)


def _admin(context: typer.Context) -> AdminOptions:
    """Where the feedpub that runs answers. That the saved config is bad is for it to say: it has one in force."""
    try:
        return load(context.obj, os.environ).settings.admin
    except ConfigError:
        listen = os.environ.get("FEEDPUB_ADMIN__LISTEN", AdminOptions().listen)
    try:
        return AdminOptions(listen=listen)
    except ValidationError:
        raise FeedpubError(
            'FEEDPUB_ADMIN__LISTEN: write the address and port of admin.listen, such as "127.0.0.1:8081"'
        ) from None


def _print_status(found: Status, zone: tzinfo) -> None:
    articles = found.articles
    say(
        f"{articles.get('live', 0):,} articles public, {articles.get('waiting', 0):,} waiting for their date, "
        f"{articles.get('withdrawn', 0):,} withdrawn, {articles.get('quarantined', 0):,} in quarantine; "
        f"{len(found.feeds):,} feeds."
    )
    stores = [(one.name, moment(one.polled_at, zone), one.error or one.note or "well") for one in found.stores]
    table(("store", "last poll", "state"), stores)
    targets = [
        (
            one.name,
            one.kind,
            *(str(found.deliveries.get(one.name, {}).get(state, "")) for state in State),
            _spent(found.paces[one.name]),
            "paused" if one.rest.paused else found.paces[one.name].words,  # why stands below, as a problem
        )
        for one in found.targets
    ]
    table(("target", "kind", *State, "spent", "state"), targets)
    for store_name, kept_out in found.quarantined:
        say(f"quarantined: {store_name}/{kept_out.id}: {kept_out.reason}")
    for caution in found.cautions:
        say(f"caution: {caution}", style="yellow")
    for problem in map(str, found.problems):
        say(f"problem: {problem}", style="red")


def _spent(pace: Pace) -> str:
    return f"{pace.spent} of {pace.budget}" if pace.budget else ""
