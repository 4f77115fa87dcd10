"""The channel `mail`: one SMTP conversation for each notification."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Literal

from dc_assets.core.errors import DcError
from dc_assets.delivery.channels import CALL_TIMEOUT_S, ChannelDown, DeliveryRefused, Message

Security = Literal["tls", "starttls", "none"]
REFUSED_FOR_GOOD = 500


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server and who writes to whom.

    Attributes:
        security: `none` is for a server on this machine only.
        user: empty if the server asks for no login.
    """

    host: str
    port: int
    security: Security
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The name that the ledger remembers deliveries by."""
        return "mail"

    @property
    def place(self) -> str:
        """Recipients and server, without any secret."""
        return f"{', '.join(self.recipients)} through {self.host}:{self.port}"

    def send(self, message: Message) -> None:
        """Hand a message to the server, which then has it.

        Raises:
            ChannelDown: the server cannot be reached, or refuses login, sender or recipients.
            NoticeRefused: the server refuses this text.
        """
        written = self.written(message)
        with self._in_one_sentence(), self._connected() as server:
            server.send_message(written, self.sender, list(self.recipients))

    def written(self, message: Message) -> EmailMessage:
        """Return the mail; a repeat is the same to the letter, its Message-ID and date included."""
        mail = EmailMessage(policy=SMTP)
        mail["Message-ID"] = f"<{message.identity}@dc-assets.invalid>"
        mail["Date"] = formatdate(message.noticed_at)
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Subject"] = message.subject
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        return mail

    @contextmanager
    def _connected(self) -> Generator[smtplib.SMTP]:
        server = self._connect()
        try:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
            yield server
            with suppress(smtplib.SMTPException, OSError):
                server.quit()  # the message is taken, whatever the server says to this
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        here = socket.gethostname()  # smtplib's own choice asks the name service, without a limit
        if self.security == "tls":
            return smtplib.SMTP_SSL(
                self.host,
                self.port,
                here,
                timeout=CALL_TIMEOUT_S,
                context=ssl.create_default_context(),
            )
        return smtplib.SMTP(self.host, self.port, here, timeout=CALL_TIMEOUT_S)

    @contextmanager
    def _in_one_sentence(self) -> Generator[None]:
        """Turn what a conversation may end with into our two errors, without a word of login."""
        try:
            yield
        except smtplib.SMTPDataError as error:
            if error.smtp_code < REFUSED_FOR_GOOD:
                raise self._down(f"answers {error.smtp_code} to a message") from None
            raise DeliveryRefused(f"{self._server} refuses it ({error.smtp_code})") from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._down(_why(error)) from None

    @property
    def _server(self) -> str:
        return f"the mail server {self.host}:{self.port}"

    def _down(self, why: str) -> DcError:
        return ChannelDown(f"{self._server} {why}")


def _why(error: Exception) -> str:
    """Say what is wrong; servers may repeat what they were sent, so their words stay out."""
    for kind, sentence in _SENTENCES.items():
        if isinstance(error, kind):
            return sentence.format(code=_code(error))
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"cannot be reached: {reason}"


def _code(error: Exception) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((code for code, _ in error.recipients.values()), 0)
    return int(getattr(error, "smtp_code", 0))


_SENTENCES: dict[type[Exception], str] = {
    smtplib.SMTPAuthenticationError: "refuses the login of DC_ASSETS_SMTP_URL ({code})",
    smtplib.SMTPSenderRefused: "refuses the sender DC_ASSETS_MAIL_FROM ({code})",
    smtplib.SMTPRecipientsRefused: "refuses every address of DC_ASSETS_MAIL_TO ({code})",
    smtplib.SMTPNotSupportedError: "offers no STARTTLS or no login: try smtps:// in "
    "DC_ASSETS_SMTP_URL",
    smtplib.SMTPServerDisconnected: "hung up",
    smtplib.SMTPResponseException: "answers {code}",
    ssl.SSLCertVerificationError: "has a certificate that this machine does not trust",
    ssl.SSLError: "does not speak TLS there: look at scheme and port of DC_ASSETS_SMTP_URL",
    TimeoutError: f"does not answer within {CALL_TIMEOUT_S:g} s",
}
"""The first class in the order of the table that an error is of decides."""
