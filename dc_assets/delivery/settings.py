"""Reads from the environment where notifications go; secrets stand nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from dc_assets.core.addresses import without_login
from dc_assets.core.errors import ConfigError
from dc_assets.core.loopback import is_loopback
from dc_assets.delivery.channels import Channel
from dc_assets.delivery.mail import Mail, Security
from dc_assets.delivery.webhook import Webhook

SMTP_URL = "DC_ASSETS_SMTP_URL"
MAIL_FROM = "DC_ASSETS_MAIL_FROM"
MAIL_TO = "DC_ASSETS_MAIL_TO"
WEBHOOK_URL = "DC_ASSETS_WEBHOOK_URL"
TEMPLATES = "DC_ASSETS_TEMPLATES"
DAGSTER_URL = "DC_ASSETS_DAGSTER_URL"

HOW = (
    f"Set {SMTP_URL}, {MAIL_FROM} and {MAIL_TO} for mail, or {WEBHOOK_URL} for a webhook, where "
    "the code location runs."
)

_PORTS = {"smtp": 587, "smtps": 465}
_ADDRESS = re.compile(r"[!-;=?A-~]+@[0-9A-Za-z.\[\]:-]+")
"""Printable ASCII but no angle brackets: such an address cannot begin a header of its own."""


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Where notifications go and how they look.

    Attributes:
        complaints: what is wrong with a channel that somebody tried to switch on.
        templates: folder of templates that replace the packaged ones.
        dagster_url: address of the Dagster UI for links, without a login; "" if unknown.
    """

    channels: Sequence[Channel]
    complaints: Sequence[str]
    templates: Path | None
    dagster_url: str


def settings_from(environment: Mapping[str, str]) -> DeliverySettings:
    """Read all settings; a wrong one switches its own channel off and no other."""
    channels: list[Channel] = []
    complaints: list[str] = []
    for switch, read in ((SMTP_URL, _mail), (WEBHOOK_URL, _webhook)):
        if environment.get(switch):
            try:
                channels.append(read(environment))
            except ConfigError as error:
                complaints.append(str(error))
    folder = environment.get(TEMPLATES)
    return DeliverySettings(
        channels=channels,
        complaints=complaints,
        templates=Path(folder).absolute() if folder else None,
        dagster_url=without_login(environment.get(DAGSTER_URL, "")),
    )


def _mail(environment: Mapping[str, str]) -> Mail:
    url = _split(environment[SMTP_URL], SMTP_URL)
    if url.scheme not in _PORTS or not url.hostname or _tail(url):
        raise ConfigError(
            f"{SMTP_URL} is not smtp://user:password@host:587 or smtps://… Signs such as / and @ "
            "in user or password are written as %2F and %40. Mail is off."
        )
    sender, *others = _addresses(environment, MAIL_FROM)
    if others:
        raise ConfigError(f"{MAIL_FROM} is one address. Mail is off.")
    security: Security = "tls" if url.scheme == "smtps" else "starttls"
    if security == "starttls" and is_loopback(url.hostname):
        security = "none"
    return Mail(
        host=url.hostname,
        port=url.port or _PORTS[url.scheme],
        security=security,
        sender=sender,
        recipients=tuple(_addresses(environment, MAIL_TO)),
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
    )


def _addresses(environment: Mapping[str, str], name: str) -> list[str]:
    addresses = [a.strip() for a in environment.get(name, "").split(",") if a.strip()]
    if not addresses:
        raise ConfigError(f"{name} is not set. Mail is off.")
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise ConfigError(
                f"{name} holds something that is not an address such as ops@example.com. "
                "Mail is off."
            )
    return addresses


def _webhook(environment: Mapping[str, str]) -> Webhook:
    text = environment[WEBHOOK_URL].strip()
    url = _split(text, WEBHOOK_URL)
    plain = url.scheme == "http" and is_loopback(url.hostname or "")
    if not url.hostname or not (url.scheme == "https" or plain):
        raise ConfigError(
            f"{WEBHOOK_URL} is not an https:// address (http:// is for this machine only). "
            "The webhook is off."
        )
    return Webhook(text)


def _tail(url: SplitResult) -> str:
    """Return what follows the host: a part of the password, if that has a / ? or #."""
    return url.path.strip("/") + url.query + url.fragment


def _split(text: str, name: str) -> SplitResult:
    """Split a URL; the parser's own words may repeat parts of it, so they are dropped."""
    try:
        url = urlsplit(text.strip())
        _ = url.port, httpx.URL(text.strip())  # two parsers: each refuses what the other takes
    except (ValueError, httpx.InvalidURL):
        raise ConfigError(f"{name} is not a URL that can be read. Its channel is off.") from None
    return url
