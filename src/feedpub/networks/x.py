"""a notice -> a post of an X account, which costs money."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from oauthlib.oauth1.rfc5849 import Client, signature
from pydantic import Field, SecretStr, model_validator

from feedpub.model import (
    Absent,
    Action,
    Again,
    Context,
    Conversation,
    Doubt,
    Measure,
    Notice,
    Outcome,
    Refused,
    Remember,
    Reply,
    Request,
    Said,
)
from feedpub.networks import weighted
from feedpub.networks.answers import as_json, field_of, is_page, is_snowflake, is_yes, puzzling, shown, unnamed
from feedpub.networks.base import WORD_JOINER, Asked, Network, ask, bare_server, json_request
from feedpub.networks.timeline import same_address, same_words

_MENTION = re.compile(r"(?:(?<![A-Za-z0-9_!#$%&*@＠])|(?<=(?<![A-Za-z0-9_+~.-])[Rr][Tt]))[@＠](?=[A-Za-z0-9_])")
"""What calls somebody; an e-mail address does not."""
_JOINT = re.compile(r"[.:]")
_CASHTAG = re.compile(r"(?<![A-Za-z0-9$])\$(?=[A-Za-z])")
_NO = frozenset({"false", "no", "off", "0", "f", "n"})
"""How pydantic reads a no."""
_Method = Literal["GET", "POST", "DELETE"]
_PAGES = 5
_DOUBTS = 20
_CLOCKS_APART = timedelta(minutes=10)
_ACCOUNT, _DOUBTED = "account", "doubted"
"""What is remembered: which account the token is of, and what was looked for in vain, with when it was frozen."""
_UNREAD = Again("X's answer about the account cannot be read; nothing is known yet")


class X(Network):
    """Posts to the account of an access token (OAuth 1.0a: four secrets that do not expire), within a budget."""

    can: ClassVar[frozenset[str]] = frozenset({"correct", "retract", "find"})
    images: ClassVar[frozenset[str]] = frozenset({"card"})
    docs: ClassVar[str] = "https://docs.x.com/x-api/posts/manage-tweets/introduction"
    label: ClassVar[str] = "X"
    mend: ClassVar[str] = "api_key, api_secret, access_token and access_secret"

    kind: Literal["x"] = "x"
    api_key: SecretStr = Field(description="the app's API key, also called consumer key")
    api_secret: SecretStr = Field(description="the app's API key secret")
    access_token: SecretStr = Field(description="the access token of the account, made with read and write permission")
    access_secret: SecretStr = Field(description="the access token's secret")
    budget: Decimal = Field(
        gt=0,
        description="what may be spent in a calendar month, such as 20; "
        "X charges $0.200 for a post with a link and $0.015 for one without",
        examples=[20],
    )
    price_with_link: Decimal = Field(default=Decimal("0.200"), ge=0, description="a post that holds a link")
    price_without_link: Decimal = Field(default=Decimal("0.015"), ge=0, description="a post that holds none")
    price_of_deletion: Decimal = Field(default=Decimal("0.010"), ge=0, description="deleting a post")
    over_budget: Literal["wait", "skip"] = Field(
        default="wait", description="what the month's budget does not cover waits for the next month, or is not posted"
    )
    edits: bool = Field(default=False, description="the account has X Premium, and may edit a post for an hour")
    api_url: Annotated[str, bare_server("https://api.x.com")] = Field(
        default="https://api.x.com", description="where X's API is"
    )

    @model_validator(mode="before")
    @classmethod
    def _edit_where_it_may(cls, given: Any) -> Any:  # noqa: ANN401 - whatever was written
        """Leave edited articles' posts alone unless something else is asked for, where the account may not edit."""
        if isinstance(given, Mapping) and "correct" not in given and str(given.get("edits", "no")).lower() in _NO:
            return {**given, "correct": "ignore"}
        return given

    @model_validator(mode="after")
    def _edits_need_premium(self) -> X:
        if self.correct_by == "edit" and not self.edits:
            raise ValueError(
                'correct = "edit" is only for accounts that have X Premium: set edits = true, '
                'or write correct = "repost" or "ignore"'
            )
        return self

    # ------------------------------------------------------------ words

    def word(self, text: str) -> str:
        """Put an invisible word joiner behind each @ that would call somebody, and each $ of a second cashtag.

        X takes one cashtag a post. Hashtags stay as they are: they call nobody, and authors mean them.
        """
        links = list(weighted.links(text))
        out, end, cashtags = [], 0, 0
        for link in (*links, weighted.Found(len(text), len(text), "")):
            plain = _MENTION.sub(r"\g<0>" + WORD_JOINER, text[end : link.start])
            plain, found = _without_cashtags(plain, spare=cashtags == 0)
            cashtags += found
            out += [plain, link.text]
            end = link.end
        worded = "".join(out)
        # With its @ cut off, @example.jp would become a link, which costs.
        return worded if worded == text else _without_links(worded, but={link.text for link in links})

    def measure(self, text: str) -> Measure:
        """Weigh it as X does: most scripts weigh 1, Japanese and emoji 2, and each link 23."""
        return Measure(used=weighted.length(self.word(text)), limit=weighted.LIMIT, unit="weighted characters")

    def cautions(self, text: str) -> tuple[str, ...]:
        """Tell of the bare domains that X would make links of."""
        links = [link.text for link in weighted.links(self.word(text))]
        bare = [link for link in links if not link.lower().startswith(("http://", "https://"))]
        costs = (
            f": the post costs {self.price_with_link} instead of {self.price_without_link}"
            if len(bare) == len(links)
            else ""
        )
        return tuple(f"X makes a link of {link}{costs}; write it in another way if that is not meant" for link in bare)

    # ------------------------------------------------------------ money

    def price(self, action: Action, text: str) -> Decimal:
        """Tell what X charges; an edit is a post like any other."""
        if action is Action.RETRACT:
            return self.price_of_deletion
        return self.price_with_link if any(weighted.links(self.word(text))) else self.price_without_link

    def allowance(self) -> Decimal | None:
        """Tell the monthly budget."""
        return self.budget

    def beyond_allowance(self) -> Literal["wait", "skip"]:
        """Tell what the admin wants of what it does not cover."""
        return self.over_budget

    # ------------------------------------------------------------ conversations

    def announce(self, notice: Notice, context: Context) -> Conversation:
        """Post it. X drops no repeats, but refuses the same words twice: after a doubt that means they stand there."""
        reply = yield from ask(self._post({"text": self.word(notice.text)}, notice, context))
        doubted = _doubted_since(notice, context)
        if _is_duplicate(reply) and doubted:
            found = yield from self.find(replace(notice, at=doubted), context)
            return found if isinstance(found, Said) else Said()
        return self.read(reply, context)

    def correct(self, notice: Notice, context: Context) -> Conversation:
        """Edit the post, which gives it a new id."""
        if not is_snowflake(notice.remote_id):
            return unnamed(self.label)
        payload = {"text": self.word(notice.text), "edit_options": {"previous_post_id": notice.remote_id}}
        reply = yield from ask(self._post(payload, notice, context, says=False))
        if _is_duplicate(reply):  # an earlier try got through, and its answer did not
            return Said(notice.remote_id)
        if reply.status in {400, 403, 404} and not is_page(reply) and not _is_about_the_app(reply):
            why = shown(_detail(reply), self.secrets()) or f"HTTP {reply.status}"
            return Refused(f"X does not let this post be edited ({why}): change it by hand, or leave it")
        return self.read(reply, context, says=False)

    def retract(self, notice: Notice, context: Context) -> Conversation:
        """Delete the post."""
        if not is_snowflake(notice.remote_id):
            return unnamed(self.label)
        url = f"{self.api_url}/2/tweets/{notice.remote_id}"
        reply = yield from ask(Request("DELETE", url, self._signed("DELETE", url, notice.key, context), says=False))
        if field_of(reply, "data", "deleted") is True or (reply.status == 404 and as_json(reply) is not None):
            return Said(notice.remote_id)
        if is_yes(reply):
            return Again("X did not say that the post is deleted")
        return self.read(reply, context, says=False)

    def find(self, notice: Notice, context: Context) -> Conversation:
        """Look through the account's posts since the notice was frozen, for its link or else its words."""
        account = context.memory.get(_ACCOUNT, "").removeprefix(self._whose())
        if not is_snowflake(account):
            reply = yield from self._ask(f"{self.api_url}/2/users/me", context)
            account = str(field_of(reply, "data", "id"))
            if not is_snowflake(account):
                return self.unread(reply, context, _UNREAD)
            yield Remember(_ACCOUNT, self._whose() + account)
        words = self.word(notice.text)
        query = {
            "max_results": "100",
            "exclude": "retweets",
            "start_time": f"{notice.at.astimezone(UTC) - _CLOCKS_APART:%Y-%m-%dT%H:%M:%SZ}",
            "tweet.fields": "created_at,entities",
        }
        for _ in range(_PAGES):
            reply = yield from self._ask(f"{self.api_url}/2/users/{account}/tweets?{urlencode(query)}", context)
            posts = tuple(_posts_of(reply))
            known = {notice.remote_id, *notice.also}
            new = [post for post in posts if post.id not in known and post.at >= notice.at - _CLOCKS_APART]
            if found := [post for post in new if post.says(notice, words, self.link_params)]:
                # Another article, or a brief, may have the same link: its words tell which is which.
                found.sort(key=lambda post: not post.reads(words, notice.link))
                return Said(found[0].id, _address(found[0].id))
            if field_of(reply, "meta", "result_count") != len(posts):  # one that cannot be read may be ours
                return self.unread(reply, context, _UNREAD)
            onward = field_of(reply, "meta", "next_token")
            if not isinstance(onward, str) or not onward:
                # The list may lag behind. What X then calls a duplicate was said.
                yield Remember(_DOUBTED, _with_doubt(notice, context))
                return Absent()
            query["pagination_token"] = onward
        return Doubt("too many posts on X since then to tell whether this one was among them")

    def verify(self, context: Context) -> Conversation:
        """Ask who we are."""
        reply = yield from self._ask(f"{self.api_url}/2/users/me", context)
        name = field_of(reply, "data", "username")
        if isinstance(name, str) and re.fullmatch(r"\w{1,50}", name, re.ASCII):
            return Said(f"@{name}")
        return self.unread(reply, context, _UNREAD)

    # ------------------------------------------------------------ answers

    def said(self, reply: Reply) -> Outcome:
        """Keep the post's id."""
        id_ = field_of(reply, "data", "id")
        return Said(id_, _address(id_)) if is_snowflake(id_) else puzzling(self.label)

    def dialect(self, reply: Reply) -> Outcome | None:
        """Tell apart what X says with 403, and what it says of money; say a 400 in X's own words."""
        if reply.status == 402:
            return Refused(
                "the credits of X's API are used up: buy some at console.x.com, then resume the target", "target"
            )
        if reply.status not in {400, 403} or as_json(reply) is None:
            return None
        if _is_duplicate(reply):
            return Refused("X refuses the same words twice: change the article or the template, or leave it", "item")
        if reply.status == 400 or re.search(r"too long|cashtag", _detail(reply), re.IGNORECASE):
            why = shown(_detail(reply) or "no reason given", self.secrets())
            return Refused(
                f"X did not take this notice (HTTP {reply.status}: {why}): change its template or the article"
            )
        return None

    # ------------------------------------------------------------ requests

    def _post(self, payload: object, notice: Notice, context: Context, *, says: bool = True) -> Request:
        url = f"{self.api_url}/2/tweets"
        return json_request("POST", url, payload, headers=self._signed("POST", url, notice.key, context), says=says)

    def _ask(self, url: str, context: Context) -> Asked:
        headers = self._signed("GET", url, "", context)
        return (yield from ask(Request("GET", url, headers, says=False, read_limit=4_000_000)))

    def _signed(self, method: _Method, url: str, key: str, context: Context) -> dict[str, str]:
        """Sign a request (RFC 5849); a JSON body is no part of what is signed."""
        oauth = [
            ("oauth_consumer_key", self.api_key.get_secret_value()),
            # Chance has no room here: what is asked, and when, makes each nonce another.
            ("oauth_nonce", sha256(f"{context.now.isoformat()} {key} {method} {url}".encode()).hexdigest()[:32]),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", str(int(context.now.timestamp()))),
            ("oauth_token", self.access_token.get_secret_value()),
            ("oauth_version", "1.0"),
        ]
        # Client.sign() would do all of this, but it logs what it signs, token and all.
        signed = signature.normalize_parameters(
            [*oauth, *parse_qsl(urlsplit(url).query)]  # type: ignore[arg-type]  # it takes pairs, whatever its stub says
        )
        base = signature.signature_base_string(method, signature.base_string_uri(url), signed)
        keys = Client(
            self.api_key.get_secret_value(),
            client_secret=self.api_secret.get_secret_value(),
            resource_owner_secret=self.access_secret.get_secret_value(),
        )
        oauth.append(("oauth_signature", signature.sign_hmac_sha1_with_client(base, keys)))
        return {"authorization": "OAuth " + ", ".join(f'{name}="{quote(value, safe="~")}"' for name, value in oauth)}

    def _whose(self) -> str:
        """Tell tokens apart without showing them: another token may be another account's."""
        return sha256(self.access_token.get_secret_value().encode()).hexdigest()[:12] + ":"


# ---------------------------------------------------------------- words


def _without_links(text: str, but: set[str]) -> str:
    """Break what X would make a link of, but for these."""
    for link in reversed(list(weighted.links(text))):
        if link.text not in but:
            text = text[: link.start] + _JOINT.sub(r"\g<0>" + WORD_JOINER, link.text) + text[link.end :]
    return text


def _without_cashtags(text: str, *, spare: bool) -> tuple[str, int]:
    """Break every cashtag but, if one is to be spared, the first; tell how many there were."""
    signs = [found.end() for found in _CASHTAG.finditer(text)]
    for end in reversed(signs[1:] if spare else signs):
        text = text[:end] + WORD_JOINER + text[end:]
    return text, len(signs)


# ---------------------------------------------------------------- an account's posts


class _Link(NamedTuple):
    """A link as X tells of it: t.co's address in its place in the text, where it leads, and how it reads."""

    short: str
    leads_to: str
    reads: str


@dataclass(frozen=True, slots=True)
class _Post:
    """What we read of one post."""

    id: str
    text: str
    at: datetime
    links: tuple[_Link, ...]

    def says(self, notice: Notice, words: str, passing: Collection[str]) -> bool:
        """Whether it carries the notice's link, whatever its `passing` parameters; without a link, its words."""
        if notice.link:
            return any(same_address(notice.link, link.leads_to, passing) for link in self.links)
        return self.reads(words)

    def reads(self, words: str, leading_to: str = "") -> bool:
        """Whether it says these words; `leading_to` is how a link is written in them, if X writes it shorter."""
        text = self.text
        for link in self.links:
            text = text.replace(link.short, leading_to or link.reads) if link.short else text
        return same_words(html.unescape(text), words)


def _posts_of(reply: Reply) -> Iterator[_Post]:
    page = field_of(reply, "data")
    for value in page if isinstance(page, list) else ():
        if not isinstance(value, dict):
            continue
        id_, text = value.get("id"), value.get("text")
        if is_snowflake(id_) and isinstance(text, str):
            yield _Post(id_, text, _moment(value.get("created_at")), tuple(_links_of(value.get("entities"))))


def _links_of(entities: object) -> Iterator[_Link]:
    urls = entities.get("urls") if isinstance(entities, dict) else None
    for url in urls if isinstance(urls, list) else ():
        if isinstance(url, dict):
            yield _Link(*(str(url.get(key) or "") for key in ("url", "expanded_url", "display_url")))


def _moment(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)  # X was asked for nothing older
    return at if at.tzinfo else at.replace(tzinfo=UTC)


# ---------------------------------------------------------------- answers


def _doubts(context: Context) -> dict[str, datetime]:
    """Read what was looked for in vain, by its key, and when each was frozen first."""
    lines = (line.partition(" ") for line in context.memory.get(_DOUBTED, "").splitlines())
    return {key: _moment(at) for key, _, at in lines}


def _with_doubt(notice: Notice, context: Context) -> str:
    """Write these with one more; the last few are enough."""
    doubts = _doubts(context)
    at = min(notice.at, doubts.pop(notice.key, notice.at))
    return "\n".join(f"{key} {one.isoformat()}" for key, one in [*doubts.items(), (notice.key, at)][-_DOUBTS:])


def _doubted_since(notice: Notice, context: Context) -> datetime | None:
    """Tell when it may have been said the first time; None where that cannot be."""
    since = _doubts(context).get(notice.key)
    if since is not None:
        return min(since, notice.at)
    return notice.at if context.doubted else None


def _detail(reply: Reply) -> str:
    """Read why: the errors say more than what stands above them."""
    said = as_json(reply)
    if not isinstance(said, dict):
        return ""
    errors = said.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return str((first.get("message") if isinstance(first, dict) else None) or said.get("detail") or "")


def _is_duplicate(reply: Reply) -> bool:
    return reply.status == 403 and "duplicate" in _detail(reply).lower()


def _is_about_the_app(reply: Reply) -> bool:
    """Whether it is the credentials that X refuses, and not this one post."""
    kind = f"{field_of(reply, 'title')} {field_of(reply, 'type')} {field_of(reply, 'reason')} {_detail(reply)}"
    return (
        re.search(r"client|unsupported.authentication|permission|enrolled|suspended", kind, re.IGNORECASE) is not None
    )


def _address(id_: str) -> str:
    return f"https://x.com/i/web/status/{id_}"
