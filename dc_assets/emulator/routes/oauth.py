"""Log in at the org, trade the token for a tenant token, log out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import partial
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.errors import OAuthError
from dc_assets.emulator.routes.grants import GRANTS
from dc_assets.emulator.routes.http import Call, Route, json_answer
from dc_assets.emulator.routes.identity import identity_url
from dc_assets.emulator.world import World

TENANT_GRANT = "urn:salesforce:grant-type:external:cdp"
SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:access_token"


async def _parameters(call: Call) -> dict[str, str]:
    """Parameters of the query string and of the form body; real clients send either."""
    body = (await call.request.body()).decode("utf-8", "replace")
    return {**dict(call.request.query_params), **dict(parse_qsl(body, keep_blank_values=True))}


async def token(call: Call) -> Response:
    """POST /services/oauth2/token by one of the grants."""
    given = await _parameters(call)
    grant = GRANTS.get(given.get("grant_type", ""))
    if grant is None:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    grant(call, given)
    issued_at = str(int(call.world.clock.now().timestamp() * 1000))
    org_url, who = call.world.address.org_url, identity_url(call.world.address)
    secret = call.world.credentials.client_secret
    digest = hmac.new(secret.encode(), (who + issued_at).encode(), hashlib.sha256).digest()
    return json_answer(
        {
            "access_token": call.world.new_session(),
            "signature": base64.b64encode(digest).decode(),
            "scope": call.world.options.scopes,
            "instance_url": org_url,
            "id": who,
            "token_type": "Bearer",
            "issued_at": issued_at,
            "api_instance_url": org_url,
        }
    )


async def revoke(call: Call) -> Response:
    """End a session: POST or GET /services/oauth2/revoke."""
    call.world.tokens.revoke((await _parameters(call)).get("token", ""))
    return Response(b"", 200)


def _is_data_space(world: World, name: str) -> bool:
    sql = 'SELECT count(*) FROM "Dataspace" WHERE lower("Name") = lower(?)'
    with world.core.database.session() as session:
        return bool(session.one(sql, name)[0])


async def tenant_token(call: Call) -> Response:
    """POST /services/a360/token: a core token buys a tenant token and stays alive."""
    given = await _parameters(call)
    if given.get("grant_type") != TENANT_GRANT:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    if given.get("subject_token_type") != SUBJECT_TYPE:
        raise OAuthError("invalid_request", "subject token type not supported")
    now_s, lives_s = call.world.clock.now_s(), call.world.options.tenant_token_s
    if not call.world.tokens.is_core(given.get("subject_token", ""), now_s):
        raise OAuthError("invalid_grant", "invalid subject token", 401)
    if not call.world.options.has_scope("cdp_query_api"):
        raise OAuthError("invalid_scope", "the app has not the scope cdp_query_api")
    space = given.get("dataspace", "default")
    if not await run_in_threadpool(partial(_is_data_space, call.world, space)):
        raise OAuthError("invalid_request", f"invalid dataspace: {space[:80]}")
    tenant_url = call.world.address.tenant_url
    if not call.world.options.instance_url_scheme:
        tenant_url = tenant_url.partition("://")[2]
    return json_answer(
        {
            "access_token": call.world.tokens.issue_tenant(now_s, lives_s),
            "instance_url": tenant_url,
            "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "expires_in": int(lives_s),
        }
    )


ROUTES = (
    Route("POST", "/services/oauth2/token", "token", token, needs_token=False),
    Route("POST", "/services/oauth2/revoke", "other", revoke, needs_token=False),
    Route("GET", "/services/oauth2/revoke", "other", revoke, needs_token=False),
    Route("POST", "/services/a360/token", "tenant_token", tenant_token, needs_token=False),
)
