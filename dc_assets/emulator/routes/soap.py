"""The SOAP calls that clients log in and out by: no other call of SOAP is answered."""

from __future__ import annotations

import re
from html import escape, unescape

from starlette.responses import Response

from dc_assets.emulator.ids import ORG_ID, USER_ID, USERNAME
from dc_assets.emulator.routes.grants import is_user
from dc_assets.emulator.routes.http import Call, Route

XML = "text/xml;charset=UTF-8"
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>{body}</soapenv:Body>'
    "</soapenv:Envelope>"
)
FAULT = (
    "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {text}</faultstring>"
    '<detail><sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{code}</sf:exceptionCode>'
    "<sf:exceptionMessage>{text}</sf:exceptionMessage></sf:{kind}></detail></soapenv:Fault>"
)
BAD_LOGIN = "Invalid username, password, security token; or user locked out."


async def soap(call: Call) -> Response:
    """POST /services/Soap/u/NN.0."""
    text = (await call.request.body()).decode("utf-8", "replace")
    if _has(text, "login"):
        return _login(call, text)
    if _has(text, "logout"):
        call.world.tokens.revoke(_value(text, "sessionId"))
        return _envelope("<logoutResponse/>")
    return _fault("UnexpectedErrorFault", "INVALID_OPERATION", "Only login and logout are emulated")


def _login(call: Call, text: str) -> Response:
    if not is_user(call, _value(text, "username"), _value(text, "password")):
        return _fault("LoginFault", "INVALID_LOGIN", BAD_LOGIN)
    result = {
        "metadataServerUrl": _address(call, "m"),
        "passwordExpired": "false",
        "sandbox": "false",
        "serverUrl": _address(call, "u"),
        "sessionId": call.world.new_session(),
        "userId": USER_ID,
    }
    info = {
        "organizationId": ORG_ID,
        "organizationName": "Emulated Org",
        "userId": USER_ID,
        "userName": USERNAME,
    }
    user = f"<userInfo>{_elements(info)}</userInfo>"
    return _envelope(f"<loginResponse><result>{_elements(result)}{user}</result></loginResponse>")


def _address(call: Call, api: str) -> str:
    org_url, version = call.world.address.org_url, call.parts["version"]
    return f"{org_url}/services/Soap/{api}/{version}/{ORG_ID[:15]}"


def _has(text: str, name: str) -> bool:
    return re.search(rf"<(?:\w+:)?{name}[\s/>]", text) is not None


def _value(text: str, name: str) -> str:
    match = re.search(rf"<(?:\w+:)?{name}[^>]*>([^<]*)</", text)
    return unescape(match.group(1)) if match else ""


def _elements(values: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _envelope(body: str, status: int = 200) -> Response:
    return Response(ENVELOPE.format(body=body).encode(), status, media_type=XML)


def _fault(kind: str, code: str, text: str) -> Response:
    return _envelope(FAULT.format(kind=kind, code=code, text=escape(text)), 500)


ROUTES = (
    Route("POST", "/services/Soap/u/{version}", "token", soap, needs_token=False),
    Route("POST", "/services/Soap/u/{version}/{org}", "token", soap, needs_token=False),
)
