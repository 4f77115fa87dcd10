"""One pass over what waits to be sent: at least once, each channel by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dc_assets.core.events import Event
from dc_assets.delivery.channels import Channel, ChannelDown, DeliveryRefused
from dc_assets.delivery.templates import Templates

SENDS_MAX = 50
PASS_S_MAX = 15.0
"""No more is sent over a channel in one pass after that: Dagster ends a tick after a minute."""


class OutboxPort(Protocol):
    """Notifications, and which channel has taken which."""

    def undelivered(self, channel: str, limit: int) -> Sequence[Event]:
        """Return notifications that a channel is due to send, oldest first."""
        ...

    def sent(self, key: str, channel: str) -> None:
        """Remember that a channel has taken a notification."""
        ...

    def refused(self, key: str, channel: str, answer: str) -> None:
        """Keep that a channel refused a notification: it is due again, later each time."""
        ...

    def waiting(self, channel: str) -> int:
        """Count the notifications that a channel has not taken, due or not."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """What one pass did on one channel; `complaint` says why some wait, "" if none failed."""

    channel: str
    sent: int
    waiting: int
    complaint: str

    @property
    def sentence(self) -> str:
        """One line for people."""
        why = f": {self.complaint}" if self.complaint else ""
        wait = "waits" if self.waiting == 1 else "wait"
        return f"{self.channel}: {self.sent} sent, {self.waiting} {wait}{why}."


def deliver(
    outbox: OutboxPort, channel: Channel, templates: Templates, now_s: Callable[[], float]
) -> Passed:
    """Send what a channel has not taken yet; mark each one after the server took it.

    A process that dies between the two leaves the notification unmarked, and it is sent again
    with the same identity. A refused notification waits longer each time, so that it blocks no
    younger one; a channel that is down ends the pass.
    """
    deadline_s = now_s() + PASS_S_MAX
    sent, complaint = 0, ""
    for notice in outbox.undelivered(channel.name, SENDS_MAX):
        if now_s() > deadline_s:
            break
        try:
            channel.send(templates.message(notice))
        except ChannelDown as error:
            complaint = str(error)
            break
        except DeliveryRefused as error:
            complaint = str(error)
            outbox.refused(notice.key, channel.name, complaint)
            continue
        outbox.sent(notice.key, channel.name)
        sent += 1
    return Passed(channel.name, sent, outbox.waiting(channel.name), complaint)
