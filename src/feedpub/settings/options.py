"""Settings: everything an admin can set, as frozen models, and the rules that hold between options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from feedpub import clean
from feedpub.feeds.catalog import FeedsOptions, ambiguous
from feedpub.feeds.footer import check_footer
from feedpub.model import Action, Site
from feedpub.networks import AnyNetwork
from feedpub.networks.base import Network
from feedpub.notices.alerts import EVENT, TEXT
from feedpub.notices.compose import check_condition, check_template
from feedpub.notices.wording import check_hashtag
from feedpub.settings.shape import Trail
from feedpub.stores import AnyStore

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""A store's or target's name: the key of its table."""

DEFAULT_STORES: Mapping[str, Mapping[str, str]] = {"main": {"kind": "sql"}}
"""What is polled where no [stores] table says otherwise: the embedded store."""

FOUND = "found"
"""The error type of our own rules; its context holds `trail` (below the model) and `sentence`."""

_FROZEN = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _refuse(trail: Trail, sentence: str | None) -> None:
    """Raise the sentence, if there is one, to be told at the key that `trail` leads to below the model."""
    if sentence:
        raise PydanticCustomError(FOUND, "not as it should be", {"trail": trail, "sentence": sentence})


def _address(url: str) -> str | None:
    """Say what is wrong with an address that others shall read, or None."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket without its fellow
        whole = False
    if not whole or re.search(r"\s", url):
        return "an absolute address is needed, such as https://example.com/"
    return "an address without ? and # is needed" if re.search("[?#]", url) else None


def _site(site: Site) -> Site:
    _refuse(("url",), _address(site.url))
    return site


def _feeds(feeds: FeedsOptions) -> FeedsOptions:
    _refuse(("base_url",), _address(feeds.base_url))
    for number, selector in enumerate(feeds.drop):
        _refuse(("drop", number), clean.fault(selector))
    _refuse(("footer",), check_footer(feeds.footer))
    if found := ambiguous(feeds.categories):
        trail, sentence = found
        _refuse(("categories", *trail), sentence)
    return feeds


def _target(target: AnyNetwork) -> AnyNetwork:
    for option, value in target:
        if isinstance(value, SecretStr):
            _refuse((option,), _credential(value))
    _refuse(("timeout",), None if target.timeout else 'must be more than "0"')
    _refuse(("template",), check_template(target.template, target.writes_json))
    _refuse(("when",), check_condition(target.when) if target.when else None)
    for category, tags in target.hashtags.items():
        _hashtags(("hashtags", category), tags)
    for category, words in target.by_category.items():
        trail = ("by_category", category)
        if words.template is not None:
            _refuse((*trail, "template"), check_template(words.template, target.writes_json))
        _hashtags((*trail, "hashtags"), words.hashtags or ())
    return target


IN_ALERTS = frozenset({"name", "kind", "template", "allow_private", "timeout"})
"""What an alert takes of the options that every target has; of its network's own it takes all."""


def _alert(alert: AnyNetwork) -> AnyNetwork:
    """Refuse what tells no words, what costs money at every word, and the options that only articles have."""
    if alert.subject != "article":
        _refuse(("kind",), f"{alert.label} is told of feeds, and shows nobody any words: choose another kind")
    if alert.price(Action.ANNOUNCE, ""):
        _refuse(("kind",), f"{alert.label} takes money for every post: choose another kind")
    for option in sorted(alert.model_fields_set & Network.model_fields.keys() - IN_ALERTS):
        _refuse((Network.model_fields[option].alias or option,), "this is of articles, not of alerts: leave it out")
    return _target(alert)


def _credential(credential: SecretStr) -> str | None:
    """Say what is wrong with a token or an address that holds one, or None: it must fit into a header, or a URL."""
    secret = credential.get_secret_value()
    if not secret:
        return "must not be empty"
    if not re.fullmatch(r"[!-~]+", secret):
        return "write it alone, on one line and in ASCII: no blank, no line break, no other letter"
    return None


def _hashtags(trail: Trail, tags: Iterable[str]) -> None:
    for number, tag in enumerate(tags):
        _refuse((*trail, number), check_hashtag(tag))


class DatabaseOptions(BaseModel):
    """[database]: where feedpub keeps what it has seen and said."""

    model_config = _FROZEN

    url: SecretStr = Field(
        default=SecretStr("sqlite:///data/feedpub.db"),
        description="`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; a secret",
    )

    @field_validator("url")
    @classmethod
    def _known(cls, url: SecretStr) -> SecretStr:
        if not re.match(r"sqlite:///.|postgres(ql)?(\+psycopg)?://.", url.get_secret_value()):
            raise ValueError('write "sqlite:///PATH" or "postgresql://USER:PASSWORD@HOST/NAME"')
        return url


class Listening(BaseModel):
    """An address that is listened on."""

    model_config = _FROZEN

    listen: str

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, listen: str) -> str:
        match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", listen)
        if not match or int(match[1]) > 65535:
            raise ValueError('write an address and a port, such as "127.0.0.1:8080", "[::1]:8080" or "0.0.0.0:8080"')
        return listen

    @property
    def host(self) -> str:
        """The address to bind, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to bind; 0 means any free one."""
        return int(self.listen.rpartition(":")[2])


class WebOptions(Listening):
    """[web]: where subscribers are answered."""

    listen: str = Field(default="127.0.0.1:8080", description="address and port of the public feeds and pages")
    addresses: Literal["feedpub", "wordpress"] = Field(
        default="feedpub", description="`wordpress`: WordPress's addresses of feeds are answered too, such as /feed/"
    )


class AdminOptions(Listening):
    """[admin]: where admins and their monitoring are answered."""

    listen: str = Field(default="127.0.0.1:8081", description="address and port of the admin page and of monitoring")
    token: SecretStr | None = Field(
        default=None, description="what opens the admin page; made at the first start, beside the database, if not set"
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="names with a dot that the admin address is reached by, as behind a proxy; IPs need none",
    )

    @field_validator("token")
    @classmethod
    def _hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(r"[!-~]{16,}", token.get_secret_value()):
            raise ValueError("write at least 16 characters, all in ASCII and without a blank; best made by chance")
        return token

    @field_validator("hosts")
    @classmethod
    def _names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", host):
                raise ValueError('write names alone, without scheme and port, such as "admin.example.com"')
        return hosts


class LogOptions(BaseModel):
    """[log]: what is told on standard error."""

    model_config = _FROZEN

    format: Literal["auto", "json", "text"] = Field(default="auto", description="`auto`: text on a terminal, else JSON")
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="the least to be told")


def _default_stores() -> dict[str, AnyStore]:
    return TypeAdapter(dict[str, AnyStore]).validate_python(DEFAULT_STORES)


def _no_heir(name: str, former: str, stores: Iterable[str], heirs: Mapping[str, str]) -> str | None:
    """Say why a store cannot replace another one, or None."""
    if former == name:
        return "this is the store's own name; write the one that it had before, or leave it out"
    if former in stores:
        return f"[stores.{former}] is still in the config; take it out, or leave this out"
    return f"stores.{heirs[former]} replaces it already; leave it out here or there" if former in heirs else None


def _worded(alert: AnyNetwork) -> AnyNetwork:
    """Let an alert say what is wrong, unless its admin wants other words around it."""
    if "template" in alert.model_fields_set:
        return alert
    return alert.model_copy(update={"template": EVENT if alert.writes_json else TEXT})


class Settings(BaseModel):
    """One valid configuration. Stores and targets know their names."""

    model_config = _FROZEN

    site: Annotated[Site, AfterValidator(_site)]
    feeds: Annotated[FeedsOptions, AfterValidator(_feeds)]
    stores: dict[Name, AnyStore] = Field(default_factory=_default_stores, validate_default=True, min_length=1)
    targets: dict[Name, Annotated[AnyNetwork, AfterValidator(_target)]] = Field(default_factory=dict)
    alerts: dict[Name, Annotated[AnyNetwork, AfterValidator(_alert)]] = Field(default_factory=dict)
    database: DatabaseOptions = DatabaseOptions()
    web: WebOptions = WebOptions()
    admin: AdminOptions = AdminOptions()
    log: LogOptions = LogOptions()

    @field_validator("stores")
    @classmethod
    def _named_stores(cls, stores: dict[str, AnyStore]) -> dict[str, AnyStore]:
        return {name: store.model_copy(update={"name": name}) for name, store in stores.items()}

    @field_validator("targets")
    @classmethod
    def _named_targets(cls, targets: dict[str, AnyNetwork]) -> dict[str, AnyNetwork]:
        return {name: target.model_copy(update={"name": name}) for name, target in targets.items()}

    @field_validator("alerts")
    @classmethod
    def _named_alerts(cls, alerts: dict[str, AnyNetwork]) -> dict[str, AnyNetwork]:
        return {name: _worded(alert).model_copy(update={"name": name}) for name, alert in alerts.items()}

    @model_validator(mode="after")
    def _one_heir_each(self) -> Settings:
        heirs: dict[str, str] = {}
        for name, store in self.stores.items():
            if store.replaces:
                _refuse(("stores", name, "replaces"), _no_heir(name, store.replaces, self.stores, heirs))
                heirs[store.replaces] = name
        return self

    @model_validator(mode="after")
    def _two_doors(self) -> Settings:
        if self.web.port and self.web.listen == self.admin.listen:
            later = "admin" if "listen" in self.admin.model_fields_set else "web"
            _refuse((later, "listen"), "[web] and [admin] would listen at the same address; choose another port")
        return self
