"""Notifications of values of every kind of control and markup, as mail and webhook bring them."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from email import message_from_bytes
from email.policy import SMTP

import pytest

from dc_assets.core.printable import printable
from dc_assets.delivery.mail import Mail
from dc_assets.delivery.templates import Templates
from dc_assets.delivery.webhook import Webhook
from dc_assets_tests.delivery.examples import example
from dc_assets_tests.delivery.servers import HookServer
from dc_assets_tests.fakes.odd_texts import ODD_TEXTS

TEXTS = [*ODD_TEXTS.values(), chr(0xD800)]
TEMPLATES = Templates()
MAIL = Mail("127.0.0.1", 25, "none", "loads@example.com", ("a@b.cd",))
HEADERS = {
    *("Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version"),
    *("Content-Type", "Content-Transfer-Encoding"),
}


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_mail_shows_a_value_as_text(text: str) -> None:
    """In a subject it begins no header; in the body nothing of it is unseen."""
    notice = example("failed")
    facts = {**notice.facts, "sentence": f"x{text}", "partition": f"p{text}"}
    mail = MAIL.written(TEMPLATES.message(replace(notice, facts=facts)))
    read = message_from_bytes(mail.as_bytes(), policy=SMTP)
    assert set(read.keys()) == HEADERS
    payload = read.get_payload(decode=True)
    assert isinstance(payload, bytes)
    body = payload.decode().replace("\r\n", "\n")
    assert printable(f"x{text}") in body
    assert " ".join(printable(f"p{text}").split()) in read["Subject"]
    unseen = {sign for sign in body if unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp", "Cs"}}
    assert unseen <= {"\n"}


def test_a_webhook_gets_no_markup(hook_server: HookServer) -> None:
    """Neither a call of a whole channel nor a link, an image or bold dead letters."""
    notice = example("failed")
    hook = Webhook(hook_server.url)
    facts = {**notice.facts, "sentence": " / ".join(ODD_TEXTS.values())}
    hook.send(TEMPLATES.message(replace(notice, facts=facts)))
    [post] = hook_server.posts
    assert not post.is_markup
    assert "<" not in post.text
    assert ">" not in post.text
    plain = post.text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert printable(facts["sentence"]) in plain
