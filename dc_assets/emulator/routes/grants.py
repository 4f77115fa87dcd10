"""The ways to log in at the org: each grant with what it asks for, and how an org refuses it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping

from dc_assets.emulator.errors import OAuthError
from dc_assets.emulator.ids import USERNAME
from dc_assets.emulator.jwt import BadAssertion, claims_of
from dc_assets.emulator.routes.http import Call

LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")
"""Audiences of an assertion that each org takes, besides its own address."""

Given = Mapping[str, str]


def client_credentials(call: Call, given: Given) -> None:
    """The app itself, by its secret; its Run As user does the work."""
    options = call.world.options
    if not options.is_my_domain:
        raise OAuthError("invalid_grant", "request not supported on this domain")
    _check_app(call, given, needs_secret=True)
    if not options.client_credentials_flow:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    if not options.run_as_user:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    _check_user(call)


def password(call: Call, given: Given) -> None:
    """A user by name and password, with or without a security token behind it."""
    _check_app(call, given, needs_secret=True)
    if not is_user(call, given.get("username", ""), given.get("password", "")):
        raise OAuthError("invalid_grant", "authentication failure")


def is_user(call: Call, name: str, secret: str) -> bool:
    """Whether it is the user's name and password; a security token may stand behind it."""
    wanted = call.world.credentials.password
    return name.lower() == USERNAME and secret.startswith(wanted)


def refresh_token(call: Call, given: Given) -> None:
    """An app that was let in before."""
    _check_app(call, given, needs_secret="client_secret" in given)
    if not _is_same(given.get("refresh_token", ""), call.world.credentials.refresh_token):
        raise OAuthError("invalid_grant", "expired access/refresh token")


def assertion(call: Call, given: Given) -> None:
    """The app in the name of a user, by its signature."""
    certificate = call.world.credentials.app_certificate
    if not certificate:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    try:
        claims = claims_of(given.get("assertion", ""), certificate)
    except BadAssertion as error:
        raise OAuthError("invalid_grant", "invalid assertion") from error
    _check_claims(call, claims)


def _check_claims(call: Call, claims: Mapping[str, object]) -> None:
    if claims.get("iss") != call.world.credentials.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if claims.get("aud") not in {*LOGIN_HOSTS, call.world.address.org_url}:
        raise OAuthError("invalid_grant", "audience is invalid")
    user = str(claims.get("sub") or claims.get("prn")).lower()
    if user != USERNAME or not call.world.options.pre_authorized:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    # No latest end: the sf CLI writes milliseconds, and orgs let it in.
    if _seconds(claims.get("exp")) <= call.world.clock.now_s():
        raise OAuthError("invalid_grant", "expired authorization code")
    _check_user(call)


def _check_user(call: Call) -> None:
    if not call.world.options.user_active:
        raise OAuthError("invalid_grant", "user is inactive")


def _seconds(claim: object) -> float:
    """A moment as a number, or as the text of one, which an org takes too; else 0."""
    try:
        return float(str(claim))
    except ValueError:
        return 0.0


def _check_app(call: Call, given: Given, *, needs_secret: bool) -> None:
    known = call.world.credentials
    client_id, secret = _app_of(call, given)
    if not _is_same(client_id, known.client_id):
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if needs_secret and not _is_same(secret, known.client_secret):
        raise OAuthError("invalid_client", "invalid client credentials")


def _app_of(call: Call, given: Given) -> tuple[str, str]:
    """Id and secret: of the header Authorization, of the form or of the query string."""
    scheme, _, coded = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return given.get("client_id", ""), given.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(coded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret


def _is_same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


GRANTS: dict[str, Callable[[Call, Given], None]] = {
    "client_credentials": client_credentials,
    "password": password,
    "refresh_token": refresh_token,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": assertion,
}
"""What each grant checks; it raises an `OAuthError` when it lets nobody in."""
