"""Tokens: one of the org for a credential, and its exchange for one of the Data Cloud tenant.

Shapes: Salesforce help "OAuth Authorization Flows"; Data Cloud "Exchange Access Token".
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import httpx

from dc_assets.core.errors import ConfigError, OrgMoved, RejectedRequest
from dc_assets.core.run_events import Note, unheard
from dc_assets.core.source_spec import DEFAULT_DATA_SPACE
from dc_assets.salesforce.causes import EXCHANGE_PATH, UNAUTHORIZED
from dc_assets.salesforce.credentials import Login
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.origins import origin_of, sibling_url
from dc_assets.salesforce.sign_in_answers import TenantToken

TENANT_GRANT = "urn:salesforce:grant-type:external:cdp"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
MARGIN_S_MAX, MARGIN_SHARE = 120.0, 0.1
"""The last part of a token's life, in which it is replaced before it is used again."""

EXPIRED_STATUSES = frozenset({401, 403})
DEAD_TOKEN_STATUSES = frozenset({400, 401})


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the host it is good for.

    Attributes:
        lives_s: for how long, if the one who gave it says so.
        scope: what it is good for, with blanks between, likewise.
    """

    value: str = field(repr=False)
    instance_url: str
    identity_url: str = ""
    lives_s: float | None = None
    scope: str = ""


class TokenStore:
    """Holds one token and replaces it when it ends or is found stale, once for all threads."""

    def __init__(
        self, fetch: Callable[[], Token], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._good_until_s = math.inf

    def token(self, stale: Token | None = None) -> Token:
        """Return the token; fetch one if there is none, if it ends soon, or if it is the stale one.

        Its life counts from before it was asked for.
        """
        with self._lock:
            now_s = self._monotonic_s()
            if self._token is None or self._token == stale or now_s >= self._good_until_s:
                self._token = self._fetch()
                self._good_until_s = now_s + _good_for_s(self._token)
            return self._token


def _good_for_s(token: Token) -> float:
    """Return for how long a token is used; its last part is left for calls that are on the way."""
    if token.lives_s is None:
        return math.inf
    return token.lives_s - min(MARGIN_S_MAX, token.lives_s * MARGIN_SHARE)


class BearerAuth(httpx.Auth):
    """Sends the token to its host alone, once more with a new one when it is not valid."""

    requires_response_body = True

    def __init__(self, tokens: TokenStore, *, expired: Callable[[httpx.Response], bool]) -> None:
        self._tokens = tokens
        self._expired = expired

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Yield the request with the token, again with a fresh one if needed.

        An org that sends on may have moved: signing in again tells its new address.

        Raises:
            OrgMoved: the request goes to another host than the token's.
        """
        token = self._tokens.token()
        refuse_elsewhere(token, request.url)
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if self._expired(response) or response.has_redirect_location:
            fresh = self._tokens.token(stale=token)
            refuse_elsewhere(fresh, request.url)
            request.headers["Authorization"] = f"Bearer {fresh.value}"
            yield request


def refuse_elsewhere(token: Token, url: httpx.URL) -> None:
    """Refuse to send a token to another host than the one it is good for.

    Raises:
        OrgMoved: it is another.
    """
    if origin_of(httpx.URL(token.instance_url)) != origin_of(url):
        raise OrgMoved(
            f"The org has moved from {url.host} to {token.instance_url}: its token was not sent to "
            "the old host. Run the same command again: it resumes where it stopped."
        )


def org_session_expired(response: httpx.Response) -> bool:
    """Tell an expired session from a session that this API never accepts."""
    return (
        response.status_code == UNAUTHORIZED
        and "INVALID_SESSION_ID" in response.text
        and "not valid for use with the REST API" not in response.text
    )


def tenant_token_expired(response: httpx.Response) -> bool:
    """Tell whether the tenant refuses the token; it says so with 401 or 403."""
    return response.status_code in EXPIRED_STATUSES


def fetch_org_token(login: Login, sleep: Callable[[float], None], note: Note = unheard) -> Token:
    """Sign in at the org.

    Raises:
        ConfigError: the org refuses the credential or the host.
        TransientRemoteError: it cannot be reached now, or gives no answer of a login.
    """
    url, allowed = login.login_url, login.allowed_hosts
    host = Host.at(url, sleep=sleep, allowed=allowed, note=note)
    try:
        with host.client:
            body = login.credential.granted(host)
    except OrgMoved:
        raise
    except RejectedRequest as error:
        raise ConfigError(f"Salesforce does not let us in: {error}") from error
    instance_url = sibling_url(body.instance_url, url, allowed)
    return Token(body.access_token, instance_url, body.id, scope=body.scope)


def fetch_tenant_token(
    org: Host, org_tokens: TokenStore, data_space: str = DEFAULT_DATA_SPACE
) -> Token:
    """Exchange the org's token for one of the Data Cloud tenant that is good for one data space.

    A dead token is refused with 400 or 401: the org is signed in to once more.

    Raises:
        ConfigError: the org has no Data Cloud, or the app lacks the scope.
        OrgMoved: the org has another address now.
    """
    token = org_tokens.token()
    try:
        try:
            return _exchanged(org, token, data_space)
        except RejectedRequest as error:
            if error.status not in DEAD_TOKEN_STATUSES:
                raise
            return _exchanged(org, org_tokens.token(stale=token), data_space)
    except OrgMoved:
        raise
    except RejectedRequest as error:
        space = "" if data_space == DEFAULT_DATA_SPACE else f" to source.data_space {data_space}"
        raise ConfigError(f"Data Cloud does not let us in{space}: {error}") from error


def _exchanged(org: Host, token: Token, data_space: str) -> Token:
    form = {
        "grant_type": TENANT_GRANT,
        "subject_token": token.value,
        "subject_token_type": ACCESS_TOKEN_TYPE,
    }
    if data_space != DEFAULT_DATA_SPACE:
        form["dataspace"] = data_space
    refuse_elsewhere(token, org.client.base_url)
    body = org.ask("POST", EXCHANGE_PATH, TenantToken, changes_nothing=True, data=form, auth=None)
    url = sibling_url(body.instance_url, token.instance_url, org.allowed)
    return Token(body.access_token, url, lives_s=body.expires_in)
