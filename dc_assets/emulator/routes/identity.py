"""Who is logged in: the identity URL of a login, and the user info of OpenID Connect."""

from __future__ import annotations

from starlette.responses import Response

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.ids import ORG_ID, USER_ID, USERNAME
from dc_assets.emulator.routes.http import VERSION_MAX, Call, Route, bearer, json_answer
from dc_assets.emulator.world import Address

FIRST_NAME, LAST_NAME = "Integration", "User"
URLS = {
    "enterprise": "/services/Soap/c/{version}/" + ORG_ID[:15],
    "metadata": "/services/Soap/m/{version}/" + ORG_ID[:15],
    "partner": "/services/Soap/u/{version}/" + ORG_ID[:15],
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "search": "/services/data/v{version}/search/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "profile": f"/{USER_ID}",
    "feeds": "/services/data/v{version}/chatter/feeds",
    "groups": "/services/data/v{version}/chatter/groups",
    "users": "/services/data/v{version}/chatter/users",
    "feed_items": "/services/data/v{version}/chatter/feed-items",
}
"""Addresses under which clients find the APIs; the braces stay unless a version is asked for."""


def identity_url(address: Address) -> str:
    """The identity URL that each login answers with."""
    return f"{address.org_url}/id/{ORG_ID}/{USER_ID}"


async def identity(call: Call) -> Response:
    """GET the identity URL."""
    asked = (call.parts["org"], call.parts["user"])
    refusal = _refusal(call)
    if refusal is None and asked[0] not in {ORG_ID, ORG_ID[:15]}:
        refusal = _word(403, "Wrong_Org")
    if refusal is None and asked[1] not in {USER_ID, USER_ID[:15]}:
        refusal = _word(404, "Bad_Id")
    return refusal or json_answer(_document(call))


def _document(call: Call) -> dict[str, object]:
    address = call.world.address
    return {
        "id": identity_url(address),
        "asserted_user": True,
        "user_id": USER_ID,
        "organization_id": ORG_ID,
        "username": USERNAME,
        "nick_name": "integration",
        "display_name": f"{FIRST_NAME} {LAST_NAME}",
        "email": USERNAME,
        "email_verified": True,
        "first_name": FIRST_NAME,
        "last_name": LAST_NAME,
        "timezone": "GMT",
        "photos": _photos(address),
        "addr_street": None,
        "addr_city": None,
        "addr_state": None,
        "addr_country": None,
        "addr_zip": None,
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": _urls(call),
        "active": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": 0,
        "last_modified_date": api_datetime(call.world.clock.now()),
        "is_app_installed": True,
    }


async def user_info(call: Call) -> Response:
    """GET /services/oauth2/userinfo."""
    refusal = _refusal(call)
    if refusal is not None:
        return refusal
    address = call.world.address
    photos = _photos(address)
    return json_answer(
        {
            "sub": identity_url(address),
            "user_id": USER_ID,
            "organization_id": ORG_ID,
            "preferred_username": USERNAME,
            "nickname": "integration",
            "name": f"{FIRST_NAME} {LAST_NAME}",
            "email": USERNAME,
            "email_verified": True,
            "given_name": FIRST_NAME,
            "family_name": LAST_NAME,
            "zoneinfo": "GMT",
            "photos": photos,
            "profile": f"{address.org_url}/{USER_ID}",
            "picture": photos["picture"],
            "address": {},
            "is_salesforce_integration_user": True,
            "urls": _urls(call),
            "active": True,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "updated_at": api_datetime(call.world.clock.now()),
            "is_app_installed": True,
        }
    )


def _urls(call: Call) -> dict[str, str]:
    version = call.query("version") or "{version}"
    if version == "latest":
        version = f"{VERSION_MAX}.0"
    org_url = call.world.address.org_url
    found = {name: org_url + path.replace("{version}", version) for name, path in URLS.items()}
    return {**found, "custom_domain": org_url}


def _photos(address: Address) -> dict[str, str]:
    url = f"{address.org_url}/profilephoto/005"
    return {"picture": f"{url}/F", "thumbnail": f"{url}/T"}


def _refusal(call: Call) -> Response | None:
    """What a call without a live session is told: one word of plain text, not the JSON of REST."""
    token = bearer(call.request) or call.query("oauth_token") or call.query("access_token")
    if not token:
        return _word(403, "Missing_OAuth_Token")
    is_alive = call.world.tokens.is_core(token, call.world.clock.now_s())
    return None if is_alive else _word(403, "Bad_OAuth_Token")


def _word(status: int, word: str) -> Response:
    return Response(word, status, media_type="text/html;charset=UTF-8")


ROUTES = (
    Route("GET", "/services/oauth2/userinfo", "other", user_info, needs_token=False),
    Route("GET", "/id/{org}/{user}", "other", identity, needs_token=False),
)
