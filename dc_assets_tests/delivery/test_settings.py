"""Settings of the environment: what switches a channel on, and what is said when one is wrong."""

from __future__ import annotations

import pytest

from dc_assets.delivery.mail import Mail
from dc_assets.delivery.settings import settings_from

MAIL = {
    "DC_ASSETS_SMTP_URL": "smtp://bot:p%40ss%2Fword@mail.example.com",
    "DC_ASSETS_MAIL_FROM": "loads@example.com",
    "DC_ASSETS_MAIL_TO": "a@example.com, b@example.com",
}
HOOK = {"DC_ASSETS_WEBHOOK_URL": "https://hooks.example.com/services/planted"}


def test_both_channels_are_read() -> None:
    """Signs in the password are decoded; a port that is not named is the usual one."""
    settings = settings_from({**MAIL, **HOOK})
    mail, hook = settings.channels
    assert isinstance(mail, Mail)
    assert (mail.host, mail.port, mail.security) == ("mail.example.com", 587, "starttls")
    assert (mail.user, mail.password) == ("bot", "p@ss/word")
    assert mail.recipients == ("a@example.com", "b@example.com")
    assert hook.place == "hooks.example.com"
    assert settings.complaints == []


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtps://mail.example.com", 465, "tls"),
        ("smtp://mail.example.com:25", 25, "starttls"),
        ("smtp://127.0.0.1:1025", 1025, "none"),
        ("smtps://localhost", 465, "tls"),
    ],
)
def test_only_this_machine_is_spoken_to_in_the_clear(url: str, port: int, security: str) -> None:
    """Every other server has to speak TLS."""
    [mail] = settings_from({**MAIL, "DC_ASSETS_SMTP_URL": url}).channels
    assert isinstance(mail, Mail)
    assert (mail.port, mail.security) == (port, security)


def test_without_settings_nothing_is_on_and_nothing_is_wrong() -> None:
    """An empty variable is as good as none; sender and recipients alone switch nothing on."""
    empty = {**MAIL, "DC_ASSETS_SMTP_URL": "", "DC_ASSETS_WEBHOOK_URL": ""}
    settings = settings_from(empty)
    assert (settings.channels, settings.complaints) == ([], [])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DC_ASSETS_SMTP_URL", "smtp://bot:planted/x@mail.example.com", "is not a URL"),
        ("DC_ASSETS_SMTP_URL", "smtp://bot:planted@mail.example.com:planted", "is not a URL"),
        ("DC_ASSETS_SMTP_URL", "smtp://bot:planted@[::1", "is not a URL"),
        ("DC_ASSETS_SMTP_URL", "smtp://planted:1#x@mail.example.com", "is not smtp://"),
        ("DC_ASSETS_SMTP_URL", "smtp://planted:1/x@mail.example.com", "is not smtp://"),
        ("DC_ASSETS_SMTP_URL", "smtp://planted:1?x@mail.example.com", "is not smtp://"),
        ("DC_ASSETS_SMTP_URL", "http://bot:planted@mail.example.com", "is not smtp://"),
        ("DC_ASSETS_MAIL_FROM", "", "DC_ASSETS_MAIL_FROM is not set"),
        ("DC_ASSETS_MAIL_FROM", "a@b.cd,e@f.gh", "is one address"),
        ("DC_ASSETS_MAIL_FROM", "a@b.cd\nBcc: planted@b.cd", "is not an address"),
        ("DC_ASSETS_MAIL_TO", "planted", "is not an address"),
        ("DC_ASSETS_MAIL_TO", "<planted@b.cd>", "is not an address"),
        ("DC_ASSETS_WEBHOOK_URL", "http://hooks.example.com/planted", "not an https:// address"),
        ("DC_ASSETS_WEBHOOK_URL", "https://h.example.com:planted/x", "is not a URL"),
        ("DC_ASSETS_WEBHOOK_URL", "https:///planted", "not an https:// address"),
    ],
)
def test_a_wrong_setting_switches_its_own_channel_off(name: str, value: str, said: str) -> None:
    """One sentence names the variable and nothing of its value; the other channel stays on."""
    settings = settings_from({**MAIL, **HOOK, name: value})
    assert [channel.name for channel in settings.channels] == (
        ["mail"] if name == "DC_ASSETS_WEBHOOK_URL" else ["webhook"]
    )
    [complaint] = settings.complaints
    assert said in complaint
    assert name in complaint
    assert "planted" not in complaint


def test_links_hold_no_login() -> None:
    """The address of the UI may be one with a password; mails must not carry it."""
    url = "https://me:planted@dagster.example.com:3000/"
    settings = settings_from({"DC_ASSETS_DAGSTER_URL": url})
    assert settings.dagster_url == "https://dagster.example.com:3000"
