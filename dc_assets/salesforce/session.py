"""A logged-in org: one HTTP client for the org, one for its Data Cloud tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.auth import (
    BearerAuth,
    Login,
    TokenStore,
    fetch_org_token,
    fetch_tenant_token,
    org_session_expired,
    tenant_token_expired,
)
from dc_assets.salesforce.http import Host

API_VERSION = "v64.0"
API = f"/services/data/{API_VERSION}"


@dataclass(frozen=True, slots=True)
class OrgSession:
    """Two clients that carry their tokens and renew them.

    Attributes:
        org_id: 18 characters, from the identity URL of the login.
        user_id: the integration user, likewise.
    """

    org: Host
    tenant: Host
    org_id: str
    user_id: str

    @classmethod
    def connect(cls, login: Login, *, sleep: Callable[[float], None]) -> Self:
        """Log in to the org and to its Data Cloud tenant.

        ``sleep`` waits between two attempts of one call.

        Raises:
            ConfigError: a host cannot be reached or refuses us; the sentence says what to check.
        """
        org_tokens = TokenStore(lambda: fetch_org_token(login, sleep))
        first = org_tokens.token()
        org_id, user_id = _identity(first.identity_url)
        org_auth = BearerAuth(org_tokens, expired=org_session_expired)
        org = Host.at(first.instance_url, sleep=sleep, auth=org_auth)
        tenant_tokens = TokenStore(lambda: fetch_tenant_token(org, org_tokens))
        tenant_auth = BearerAuth(tenant_tokens, expired=tenant_token_expired)
        tenant = Host.at(tenant_tokens.token().instance_url, sleep=sleep, auth=tenant_auth)
        return cls(org, tenant, org_id, user_id)

    def close(self) -> None:
        """Close both clients."""
        self.org.client.close()
        self.tenant.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _identity(identity_url: str) -> tuple[str, str]:
    """Read org and user id from ``https://…/id/<org id>/<user id>``."""
    parts = identity_url.rstrip("/").split("/")
    if len(parts) < 2 or not parts[-2].startswith("00D"):  # noqa: PLR2004 - org and user
        raise ConfigError(
            "The login answer names no org id. Check that SF_LOGIN_URL is the org's My Domain."
        )
    return parts[-2], parts[-1]
