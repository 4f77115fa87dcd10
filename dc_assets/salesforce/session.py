"""A logged-in org, and the way from it to its Data Cloud tenant."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from dc_assets.core.api_version import TESTED_VERSION
from dc_assets.core.errors import (
    ConfigError,
    OrgMoved,
    TooManyAtOnce,
    TransientRemoteError,
)
from dc_assets.core.organization import long_id
from dc_assets.core.run_events import Note
from dc_assets.core.source_spec import DEFAULT_DATA_SPACE
from dc_assets.salesforce.auth import (
    BearerAuth,
    Token,
    TokenStore,
    fetch_org_token,
    fetch_tenant_token,
    org_session_expired,
    tenant_token_expired,
)
from dc_assets.salesforce.credentials import Login
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.origins import RECORD_ID
from dc_assets.salesforce.served_versions import check_version

CALL_OPTIONS = {"Sforce-Call-Options": "client=dc-assets"}
"""By it an org's admin finds our calls in its event logs (Call Options Header, REST API)."""


@dataclass(frozen=True, slots=True)
class OrgSession:
    """A client of the org that carries its token and renews it.

    Attributes:
        org_id: 18 characters, from the identity URL of the login.
        user_id: the integration user, likewise.
    """

    org: Host
    org_id: str
    user_id: str
    tokens: TokenStore

    @classmethod
    def connect(cls, login: Login, *, sleep: Callable[[float], None], note: Note) -> Self:
        """Log in to the org.

        ``sleep`` waits between two attempts of one call, ``note`` hears of each that is made again.

        Raises:
            ConfigError: a host cannot be reached or refuses us; the sentence says what to check.
        """
        org_tokens = TokenStore(lambda: fetch_org_token(login, sleep, note))
        first = _first_token(org_tokens)
        org_auth = BearerAuth(org_tokens, expired=org_session_expired)
        allowed = login.allowed_hosts
        org = Host.at(first.instance_url, sleep=sleep, auth=org_auth, allowed=allowed, note=note)
        org.client.headers.update(CALL_OPTIONS)
        org = replace(org, version=login.api_version)
        try:
            if login.api_version != TESTED_VERSION:
                check_version(org)
            org_id, user_id = _identity(first.identity_url)
        except BaseException:
            org.client.close()
            raise
        return cls(org, org_id, user_id, org_tokens)

    def tenant(self, data_space: str = DEFAULT_DATA_SPACE) -> Host:
        """Log in to the org's Data Cloud tenant, which has a host and a token of its own.

        The token is good for one data space.

        Raises:
            ConfigError: the org has no Data Cloud, or does not let us in.
        """
        tokens = TokenStore(lambda: fetch_tenant_token(self.org, self.tokens, data_space))
        auth = BearerAuth(tokens, expired=tenant_token_expired)
        url, org = tokens.token().instance_url, self.org
        return Host.at(url, sleep=org.sleep, auth=auth, allowed=org.allowed, note=org.note)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.org.client.close()


def _first_token(tokens: TokenStore) -> Token:
    """Sign in for the first time: what is wrong is a setting, or on the way to the org."""
    try:
        return tokens.token()
    except OrgMoved as error:
        raise ConfigError(str(error)) from error
    except TooManyAtOnce:
        raise
    except TransientRemoteError as error:
        said = str(error).rstrip(".")
        raise ConfigError(f"{said}. Check SF_LOGIN_URL and the network.") from error


def _identity(identity_url: str) -> tuple[str, str]:
    """Read org and user id from ``https://…/id/<org id>/<user id>``."""
    parts = identity_url.rstrip("/").split("/")
    named = all(re.fullmatch(RECORD_ID, part) for part in parts[-2:])
    if len(parts) < 2 or not named or not parts[-2].startswith("00D"):  # noqa: PLR2004 - org and user
        raise ConfigError(
            "The login answer names no org id. Check that SF_LOGIN_URL is the org's My Domain."
        )
    return long_id(parts[-2]), long_id(parts[-1])
