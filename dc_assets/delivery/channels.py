"""What every channel is: a way to bring one message to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dc_assets.core.errors import DcError

CALL_TIMEOUT_S = 10.0
"""How long a server may be silent; the sensor that waits for it holds up the others."""


class ChannelDown(DcError):
    """The server cannot be reached or takes nothing from us: each notification would fail alike."""


class DeliveryRefused(DcError):
    """The server refused this one message; others may pass."""


@dataclass(frozen=True, slots=True)
class Message:
    """A notification as it is sent.

    Attributes:
        identity: the same in every repeat; letters and digits only.
        subject: one line.
        noticed_at: seconds since 1970.
    """

    identity: str
    subject: str
    body: str
    noticed_at: float


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str:
        """The name that the ledger remembers deliveries by."""
        ...

    @property
    def place(self) -> str:
        """Where messages go, without any secret."""
        ...

    def send(self, message: Message) -> None:
        """Hand a message over; when this returns, the server has taken it.

        Raises:
            ChannelDown: no message would pass now.
            NoticeRefused: this one does not pass.
        """
        ...
