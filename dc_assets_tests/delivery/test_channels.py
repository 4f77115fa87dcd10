"""Mail and webhook against real servers: what arrives, and what is said when it does not."""

from __future__ import annotations

import logging
import os
import shutil
import ssl
import subprocess
import sys
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from dc_assets.delivery.channels import ChannelDown, DeliveryRefused, Message
from dc_assets.delivery.mail import Mail, Security
from dc_assets.delivery.webhook import Webhook
from dc_assets_tests.delivery.servers import HookServer, MailServer, serving

PASSWORD = "planted-mail-password-3e77"
MESSAGE = Message("0123abcd", "things: 3 rows landed — déjà", "One\n.\nThree\n", 1_700_000_000.0)


def mail_to(server: MailServer, *, security: Security = "none", user: str = "") -> Mail:
    """Return a mail channel to a server of the test."""
    return Mail(
        "127.0.0.1",
        server.port,
        security,
        "loads@example.com",
        ("a@b.cd", "e@f.gh"),
        user,
        PASSWORD,
    )


def test_a_mail_arrives_as_it_was_written(mail_server: MailServer) -> None:
    """Subject, both recipients, a lone dot, and the date of the event."""
    mail_to(mail_server, user="bot").send(MESSAGE)
    [mail] = mail_server.messages
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Message-ID"] == "<0123abcd@dc-assets.invalid>"
    assert parsedate_to_datetime(str(mail["Date"])).timestamp() == MESSAGE.noticed_at
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n") == MESSAGE.body
    assert mail_server.recipients == ["TO:<a@b.cd>", "TO:<e@f.gh>"]
    assert len(mail_server.logins) == 1


def test_a_server_that_hangs_up_after_it_took_a_mail_has_taken_it(mail_server: MailServer) -> None:
    """Otherwise the same mail would be sent again and again."""
    mail_server.answers["QUIT"] = ""
    mail_to(mail_server).send(MESSAGE)
    assert len(mail_server.messages) == 1


@pytest.mark.parametrize(
    ("verb", "answer", "error", "said"),
    [
        ("AUTH", f"535 wrong: bot {PASSWORD}", ChannelDown, "refuses the login"),
        ("MAIL", "550 not you", ChannelDown, "DC_ASSETS_MAIL_FROM (550)"),
        ("RCPT", "550 nobody", ChannelDown, "DC_ASSETS_MAIL_TO (550)"),
        ("DATA", "451 later", ChannelDown, "answers 451"),
        (".", "451 later", ChannelDown, "answers 451 to a message"),
        (".", "554 looks like spam", DeliveryRefused, "refuses it (554)"),
    ],
)
def test_a_refusal_is_one_sentence_without_the_servers_words(
    mail_server: MailServer, verb: str, answer: str, error: type[Exception], said: str
) -> None:
    """A server may repeat what it was sent, so only its number is passed on."""
    mail_server.answers[verb] = answer
    with pytest.raises(error) as raised:
        mail_to(mail_server, user="bot").send(MESSAGE)
    assert said in str(raised.value)
    assert PASSWORD not in str(raised.value)
    assert raised.value.__cause__ is None
    assert mail_server.messages == []


def test_no_password_travels_in_the_clear(mail_server: MailServer) -> None:
    """A server that offers no STARTTLS gets neither login nor message."""
    with pytest.raises(ChannelDown, match="STARTTLS"):
        mail_to(mail_server, security="starttls", user="bot").send(MESSAGE)
    assert mail_server.logins == []
    assert mail_server.messages == []


def test_a_server_that_is_away_is_named(hook_server: HookServer) -> None:
    """By host and port, and by what the system says; the way to a webhook stays secret."""
    server = MailServer()
    server.server_close()
    with pytest.raises(ChannelDown, match=f"127.0.0.1:{server.port} cannot be reached: Connection"):
        mail_to(server).send(MESSAGE)
    with pytest.raises(ChannelDown, match="does not speak TLS there"):
        Mail("127.0.0.1", hook_server.server_port, "tls", "a@b.cd", ("a@b.cd",)).send(MESSAGE)
    with pytest.raises(ChannelDown) as raised:
        Webhook(f"http://127.0.0.1:{server.port}/services/planted-path-91c2").send(MESSAGE)
    assert str(raised.value) == "the webhook at 127.0.0.1 cannot be reached: ConnectError"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that only its owner trusts, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate to test TLS with")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=DNS:localhost -keyout {file}.key -out {file}.crt"
    subprocess.run(command.split(), check=True, capture_output=True)
    parts = [Path(f"{file}.{part}").read_text(encoding="ascii") for part in ("key", "crt")]
    file.write_text("".join(parts), encoding="ascii")
    return file


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_is_spoken_with_a_trusted_server_only(certificate: Path, security: str) -> None:
    """Without trust in its certificate the server sees neither login nor message."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = MailServer(tls=context, wraps=security == "tls")
    program = (
        "from dc_assets.delivery.mail import Mail\n"
        "from dc_assets.delivery.channels import Message\n"
        f"Mail('localhost', {server.port}, '{security}', 'a@b.cd', ('a@b.cd',), 'bot', 'x')"
        ".send(Message('1', 's', 'b', 0.0))"
    )
    command = [sys.executable, "-c", program]
    with serving(server):
        stranger = subprocess.run(command, check=False, capture_output=True, text=True)
        assert "a certificate that this machine does not trust" in stranger.stderr
        assert (server.logins, server.messages) == ([], [])
        trusting = {**os.environ, "SSL_CERT_FILE": str(certificate)}
        subprocess.run(command, check=True, capture_output=True, env=trusting)
        assert len(server.messages) == len(server.logins) == 1


def test_a_post_is_what_slack_takes(
    hook_server: HookServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing in it calls a whole channel, and the address is not logged."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").info("before")
    Webhook(hook_server.url).send(Message("0123abcd", "a & b", "<!channel>\n", 0.0))
    [post] = hook_server.posts
    assert post.text == "a &amp; b\n&lt;!channel&gt;\n"
    assert post.headers["Idempotency-Key"] == "0123abcd"
    logging.getLogger("httpx").info("after")
    assert {"before", "after"} <= set(caplog.messages)
    assert "planted-path" not in caplog.text


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (400, DeliveryRefused, "answers 400"),
        (404, ChannelDown, "answers 404: look at DC_ASSETS_WEBHOOK_URL"),
        (302, ChannelDown, "answers 302: look at DC_ASSETS_WEBHOOK_URL"),
        (429, ChannelDown, "answers 429"),
        (503, ChannelDown, "answers 503"),
    ],
)
def test_an_answer_says_whether_the_message_or_the_server_is_at_fault(
    hook_server: HookServer, status: int, error: type[Exception], said: str
) -> None:
    """Only a wrong message lets the others pass."""
    hook_server.status = status
    with pytest.raises(error) as raised:
        Webhook(hook_server.url).send(MESSAGE)
    assert str(raised.value) == f"the webhook at 127.0.0.1 {said}"


def test_secrets_are_not_shown() -> None:
    """Neither by what a channel says of itself nor by its place."""
    mail = Mail("h", 1, "tls", "a@b.cd", ("a@b.cd",), "bot", PASSWORD)
    hook = Webhook("https://hooks.example.com/services/planted-path-91c2")
    assert PASSWORD not in f"{mail!r} {mail.place}"
    assert "planted-path" not in f"{hook!r} {hook.place}"
