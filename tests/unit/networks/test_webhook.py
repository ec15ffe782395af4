"""Webhooks for receivers that are not ours: forms, statuses, and how long they drop repeats."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from feedpub.app import now
from feedpub.model import Context, Refused, Said
from feedpub.networks import Webhook
from tests.unit.networks.hooks import CONTEXT, NOTICE, carried_out, noticed, reply

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def hook(**options: Any) -> Webhook:
    return Webhook(url="https://example.org/hook", **options)


def test_a_form_has_a_field_for_each_key_and_json_for_what_is_no_text() -> None:
    written = '{"type":"channel","to":["海自",7],"topic":"=&+ ","draft":null,"loud":false,"n":1.5}'
    request = carried_out(hook(form=True).announce(noticed(written), CONTEXT), reply(200))[0]

    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)) == {
        "type": "channel",
        "to": '["海自",7]',
        "topic": "=&+ ",
        "loud": "false",
        "n": "1.5",
    }


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=20), min_size=1, max_size=4))
def test_any_text_comes_through_a_form_whole(fields: dict[str, str]) -> None:
    written = json.dumps(fields)
    request = carried_out(hook(form=True).announce(noticed(written), CONTEXT), reply(200))[0]
    assert dict(parse_qsl(request.body.decode(), keep_blank_values=True)) == fields


def test_a_form_is_signed_as_it_is_sent() -> None:
    request = carried_out(hook(form=True, secret=OLD).announce(noticed('{"a":"海"}'), CONTEXT), reply(200))[0]
    signature = Verifier(OLD).sign(NOTICE.key, NOTICE.at, request.body.decode())
    assert request.headers["webhook-signature"] == signature


def test_what_is_no_object_makes_no_form() -> None:
    with pytest.raises(StopIteration) as end:
        next(hook(form=True).announce(noticed('["a"]'), CONTEXT))
    assert end.value.value == Refused("a form needs a JSON object: let the template begin with { and end with }")


def test_only_the_statuses_that_are_named_are_a_yes() -> None:
    assert hook().said(reply(204)) == Said()
    named = hook(accept=[200, 202])
    assert named.read(reply(202), CONTEXT) == Said()
    outcome = named.read(reply(204), CONTEXT)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert "HTTP 204" in outcome.why
    with pytest.raises(ValidationError, match="from 200 to 299"):
        hook(accept=[200, 404])


def test_how_long_repeats_are_dropped_is_what_the_admin_says_of_the_receiver() -> None:
    assert hook().dedupe_for == timedelta(days=1)
    assert Webhook.model_validate({"url": "https://a.example/", "drops_repeats_for": "0"}).dedupe_for == timedelta(0)


def test_while_a_secret_is_being_replaced_old_and_new_receivers_are_content() -> None:
    event, moment = noticed('{"title":"海自"}'), Context(now())
    both = carried_out(hook(secret=[NEW, OLD]).announce(event, moment), reply(200))[0]
    for secret in (OLD, NEW):
        assert Verifier(secret).verify(both.body, dict(both.headers)) == {"title": "海自"}
    only_new = carried_out(hook(secret=NEW).announce(event, moment), reply(200))[0]
    assert Verifier(NEW).verify(only_new.body, dict(only_new.headers)) == {"title": "海自"}
    with pytest.raises(WebhookVerificationError):
        Verifier(OLD).verify(only_new.body, dict(only_new.headers))


def test_a_receiver_that_is_gone_stops_the_target() -> None:
    outcome = hook().read(reply(410), CONTEXT)
    assert isinstance(outcome, Refused)
    assert outcome.scope == "target"
    assert hook().verify(CONTEXT) is None
