"""Log in at the org, trade the token for a tenant token, log out, who am I."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.responses import Response

from dc_assets.emulator.errors import OAuthError, invalid_session
from dc_assets.emulator.ids import ORG_ID, USER_ID
from dc_assets.emulator.routes.http import Call, Route, bearer, json_answer
from dc_assets.emulator.stores.tokens import TENANT_TOKEN_S

TENANT_GRANT = "urn:salesforce:grant-type:external:cdp"
SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:access_token"
USERNAME = "integration@emulator.invalid"


async def _parameters(call: Call) -> dict[str, str]:
    """Parameters of the query string and of the form body; real clients send either."""
    body = (await call.request.body()).decode("utf-8", "replace")
    return {**dict(call.request.query_params), **dict(parse_qsl(body, keep_blank_values=True))}


def _credentials(call: Call, given: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, coded = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return given.get("client_id", ""), given.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(coded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret


async def token(call: Call) -> Response:
    """POST /services/oauth2/token with client credentials."""
    given = await _parameters(call)
    if given.get("grant_type") != "client_credentials":
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    address = call.world.address
    client_id, secret = _credentials(call, given)
    if not hmac.compare_digest(client_id.encode(), address.client_id.encode()):
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not hmac.compare_digest(secret.encode(), address.client_secret.encode()):
        raise OAuthError("invalid_client", "invalid client credentials")
    issued_at = str(int(call.world.clock.now().timestamp() * 1000))
    identity = f"{address.org_url}/id/{ORG_ID}/{USER_ID}"
    digest = hmac.new(secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
    return json_answer(
        {
            "access_token": call.world.tokens.issue_core(),
            "signature": base64.b64encode(digest).decode(),
            "scope": "cdp_query_api api",
            "instance_url": address.org_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
            "api_instance_url": address.org_url,
        }
    )


async def revoke(call: Call) -> Response:
    """POST /services/oauth2/revoke."""
    call.world.tokens.revoke((await _parameters(call)).get("token", ""))
    return Response(b"", 200)


async def user_info(call: Call) -> Response:
    """GET /services/oauth2/userinfo and the identity URL."""
    if not call.world.tokens.is_core(bearer(call.request)):
        raise invalid_session()
    return json_answer(
        {
            "sub": f"{call.world.address.org_url}/id/{ORG_ID}/{USER_ID}",
            "user_id": USER_ID,
            "organization_id": ORG_ID,
            "preferred_username": USERNAME,
            "name": "Integration User",
            "email": USERNAME,
            "active": True,
        }
    )


async def tenant_token(call: Call) -> Response:
    """POST /services/a360/token: a core token buys a tenant token and stays alive."""
    given = await _parameters(call)
    if given.get("grant_type") != TENANT_GRANT:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    if given.get("subject_token_type") != SUBJECT_TYPE:
        raise OAuthError("invalid_request", "subject token type not supported")
    if not call.world.tokens.is_core(given.get("subject_token", "")):
        raise OAuthError("invalid_grant", "invalid subject token", 401)
    tenant_url = call.world.address.tenant_url
    if not call.world.options.instance_url_scheme:
        tenant_url = tenant_url.partition("://")[2]
    return json_answer(
        {
            "access_token": call.world.tokens.issue_tenant(call.world.clock.now().timestamp()),
            "instance_url": tenant_url,
            "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "expires_in": TENANT_TOKEN_S,
        }
    )


ROUTES = (
    Route("POST", "/services/oauth2/token", "token", token, needs_token=False),
    Route("POST", "/services/oauth2/revoke", "other", revoke, needs_token=False),
    Route("GET", "/services/oauth2/userinfo", "other", user_info, needs_token=False),
    Route("GET", "/id/{org}/{user}", "other", user_info, needs_token=False),
    Route("POST", "/services/a360/token", "tenant_token", tenant_token, needs_token=False),
)
