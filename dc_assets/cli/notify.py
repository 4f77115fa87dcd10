"""`dc-assets notify`: where notifications go, what waits, and a notification to try it."""

from __future__ import annotations

import uuid

import click

from dc_assets.cli.connections import open_ledger
from dc_assets.cli.said import say
from dc_assets.core.errors import ConfigError
from dc_assets.core.events import Event
from dc_assets.core.exit_codes import ExitCode
from dc_assets.delivery.channels import Channel, ChannelDown, DeliveryRefused
from dc_assets.delivery.settings import HOW, settings_from
from dc_assets.delivery.templates import Templates
from dc_assets.ledger.outbox import Outbox
from dc_assets.wiring.settings import read_settings

_EXAMPLES = """\b
Examples:
  dc-assets notify                            # where notifications go
  dc-assets notify --test                     # sends one
"""


@click.command(epilog=_EXAMPLES)
@click.option("--test", is_flag=True, help="Send a test notification over every channel.")
def notify(*, test: bool) -> int:
    """Show where notifications of loads go, and how many wait there.

    The sensor `notifier` sends them; it reads the same settings where the code location runs.
    """
    settings = settings_from(read_settings().texts())
    for complaint in settings.complaints:
        say(complaint)
    if not settings.channels:
        raise ConfigError(f"Nobody is told of anything. {HOW}")
    templates = Templates(settings.templates, dagster_url=settings.dagster_url)
    passed = True
    with open_ledger() as database:
        outbox = Outbox(database)
        for channel in settings.channels:
            waiting = f"{outbox.waiting(channel.name):,} waiting"
            say(f"{channel.name}: to {channel.place}; {waiting}")
            if test:
                passed = _try(channel, templates, outbox) and passed
    for complaint in templates.complaints:
        say(complaint)
    return ExitCode.PROVED if passed and not settings.complaints else ExitCode.CONFIGURATION


def _try(channel: Channel, templates: Templates, outbox: Outbox) -> bool:
    """Send a test notification; say in one line what became of it, and keep that it was taken."""
    key = f"test:{uuid.uuid4()}"
    notice = Event(key, "test", "dc-assets", {"place": channel.place}, outbox.now_s())
    try:
        channel.send(templates.message(notice))
    except (ChannelDown, DeliveryRefused) as error:
        say(f"{channel.name}: {error}")
        return False
    outbox.tried(channel.name)
    say(f"{channel.name}: the server took the test notification {notice.identity}")
    return True
