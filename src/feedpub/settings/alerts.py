"""[alerts.NAME]: the networks once more, as those who are told what is wrong: without all that only articles have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NoReturn, Union, cast, get_args

from pydantic import BaseModel, Field, create_model, field_validator

from feedpub.networks import AnyNetwork
from feedpub.networks.base import Network
from feedpub.notices.alerts import EVENT, TEXT

TAKEN = frozenset({"name", "kind", "template", "allow_private", "timeout"})
"""What an alert takes of the options that every target has; of its network's own it takes all."""
_OF_ARTICLES = tuple(sorted(Network.model_fields.keys() - TAKEN))


class AlertOptions(BaseModel):
    """What makes a network one that is told what is wrong."""

    lacks: ClassVar[frozenset[str]] = frozenset(_OF_ARTICLES)

    about: tuple[Literal["config", "feeds", "store", "guard", "paused", "doubt", "budget", "failed"], ...] = Field(
        default=(), description="only these problems; without any, all"
    )

    @field_validator(*_OF_ARTICLES, mode="before", check_fields=False)
    @classmethod
    def _of_articles(cls, _value: object) -> NoReturn:
        """Refuse what a config says here: a default does not come by."""
        raise ValueError("this is of articles, not of alerts: leave it out")


def _alert(network: type[Network]) -> type[Network]:
    bases: Any = (AlertOptions, network)  # made at run time, so that a new network is one of them by itself
    template = Field(
        default=EVENT if network.writes_json else TEXT,
        description="what is said, a Jinja2 template: notice is the whole message",
    )
    made: Any = create_model(f"{network.__name__}Alert", __base__=bases, template=(str, template))
    return cast("type[Network]", made)


def _tells(network: type[Network]) -> bool:
    """Whether it shows words to people, and takes no money for each."""
    return network.subject == "article" and network.allowance is Network.allowance


Alert = _alert(Network)
"""What all of them have."""

if TYPE_CHECKING:
    AnyAlert = Network
else:
    AnyAlert = Annotated[
        Union[tuple(_alert(one) for one in get_args(get_args(AnyNetwork)[0]) if _tells(one))],  # noqa: UP007 - of many
        Field(discriminator="kind"),
    ]
"""One who is told what is wrong: any network that takes words, told apart by `kind`."""
