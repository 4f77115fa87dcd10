"""Who signs in at an org, and by what it is known there.

Shapes: Salesforce help "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dc_assets.salesforce.answers import OrgToken

Form = Mapping[str, str]
Ask = Callable[[Form], OrgToken]
"""Sends one form to the token endpoint of the credential's login URL."""


class Credential(Protocol):
    """One way to sign in; its secrets stand in no repr."""

    @property
    def login_url(self) -> str:
        """The host that is signed in at."""
        ...

    @property
    def told(self) -> str:
        """What signs in, as one short text without a secret."""
        ...

    def granted(self, ask: Ask) -> OrgToken:
        """Return a new token of the org; ``ask`` sends a form to the login URL.

        Raises:
            RejectedRequest: the org refuses what was sent.
            ConfigError: there is nothing that could be sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An External Client App by its secret; its Run As user does the work.

    The flow works at the org's My Domain alone.
    """

    login_url: str
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def told(self) -> str:
        """What signs in."""
        return f"client credentials at {self.login_url}, as the app's Run As user"

    def granted(self, ask: Ask) -> OrgToken:
        """Send id and secret."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return ask(form)


@dataclass(frozen=True, slots=True)
class Login:
    """A credential, and where its secrets may go.

    Attributes:
        allowed_hosts: hosts besides Salesforce's own that a secret may go to.
    """

    credential: Credential
    allowed_hosts: tuple[str, ...] = ()

    @property
    def login_url(self) -> str:
        """The host that is signed in at."""
        return self.credential.login_url
