"""Who signs in at an org, and by what it is known there.

Shapes: Salesforce help "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from dc_assets.core.addresses import without_login
from dc_assets.core.api_version import TESTED_VERSION
from dc_assets.salesforce.causes import LOGIN_PATH
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.sign_in_answers import OrgToken


def shown(login_url: str) -> str:
    """Return a login URL as it may be shown.

    >>> shown("acme.my.salesforce.com")
    'https://acme.my.salesforce.com'
    """
    return without_login(login_url if "://" in login_url else f"https://{login_url}")


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

    def granted(self, host: Host) -> OrgToken:
        """Return a new token of the org; ``host`` is that of the login URL.

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
        return f"client credentials at {shown(self.login_url)}, as the app's Run As user"

    def granted(self, host: Host) -> OrgToken:
        """Send id and secret."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return host.ask("POST", LOGIN_PATH, OrgToken, changes_nothing=True, data=form)


@dataclass(frozen=True, slots=True)
class Login:
    """A credential, and where its secrets may go.

    Attributes:
        allowed_hosts: hosts besides Salesforce's own that a secret may go to.
        api_version: of the org's REST and Bulk API.
    """

    credential: Credential
    allowed_hosts: tuple[str, ...] = ()
    api_version: str = TESTED_VERSION

    @property
    def login_url(self) -> str:
        """The host that is signed in at."""
        return self.credential.login_url
