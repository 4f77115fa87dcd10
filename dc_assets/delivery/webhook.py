"""The channel `webhook`: one POST for each notification, in the form that Slack takes."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from dc_assets.core.loopback import is_loopback
from dc_assets.delivery.channels import CALL_TIMEOUT_S, ChannelDown, DeliveryRefused, Message

AT_FAULT = frozenset({400, 413, 422})
"""Answers that speak of the message; all others speak of the server or of its address."""

LATER = frozenset({408, 425, 429})
"""Answers of a server that has no time now."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes `{"text": …}`; whoever knows it may post, so all of it is secret."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """The name that the ledger remembers deliveries by."""
        return "webhook"

    @property
    def place(self) -> str:
        """The host alone."""
        return httpx.URL(self.url).host

    def send(self, message: Message) -> None:
        """Post a message; a 2xx answer says that it was taken.

        Raises:
            ChannelDown: no answer, or one that says nothing of this message.
            NoticeRefused: an answer that says this message is wrong.
        """
        text = _escaped(f"{message.subject}\n{message.body}")
        content = {"text": text, "mrkdwn": False}  # no stars, backticks or lines of a value
        headers = {"Idempotency-Key": message.identity}
        try:
            by_proxy = not is_loopback(self.place)  # this machine is reached without one
            with (
                _unlogged(),
                httpx.Client(timeout=CALL_TIMEOUT_S, trust_env=by_proxy) as client,
                client.stream("POST", self.url, json=content, headers=headers) as response,
            ):
                pass  # the status says all; a body without end is not read
        except httpx.TimeoutException:
            down = f"the webhook at {self.place} does not answer within {CALL_TIMEOUT_S:g} s"
            raise ChannelDown(down) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            down = f"the webhook at {self.place} cannot be reached: {type(error).__name__}"
            raise ChannelDown(down) from None
        self._judge(response)

    def _judge(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        said = f"the webhook at {self.place} answers {response.status_code}"
        if response.status_code in AT_FAULT:
            raise DeliveryRefused(said)
        later = response.status_code in LATER or response.is_server_error
        raise ChannelDown(said if later else f"{said}: look at DC_ASSETS_WEBHOOK_URL")


def _escaped(text: str) -> str:
    """Escape what Slack would read as a link or as a call of a whole channel.

    >>> _escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Nothing(logging.Filter):
    """Lets no record pass."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the logging interface
        return False


@contextmanager
def _unlogged() -> Generator[None]:
    """Keep httpx from logging the address of its request."""
    logger, nothing = logging.getLogger("httpx"), _Nothing()
    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)
