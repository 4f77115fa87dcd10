"""Logging in, at the org and at the tenant, and who is kept out."""

from __future__ import annotations

import base64
import json
import re

import pytest

from dc_assets_tests.emulator.driver import API, TENANT_GRANT, Client

TOKEN = "/services/oauth2/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOD = {
    "grant_type": "client_credentials",
    "client_id": "the-client",
    "client_secret": "the-secret",
}


def test_a_login_answers_what_a_real_org_answers(client: Client) -> None:
    """All values are texts, the token starts with the org id, the time is in milliseconds."""
    answer = client.root.post(TOKEN, data=GOOD).json()
    assert set(answer) >= {"access_token", "instance_url", "id", "issued_at", "signature", "scope"}
    assert answer["token_type"] == "Bearer"
    assert answer["access_token"].startswith("00D")
    assert "!" in answer["access_token"]
    assert answer["instance_url"] == client.ready["base_url"]
    assert len(answer["issued_at"]) == 13
    assert answer["id"].startswith(client.ready["base_url"] + "/id/00D")


def test_credentials_may_come_in_the_form_the_query_string_or_a_basic_header(
    client: Client,
) -> None:
    """Real clients use all three."""
    basic = base64.b64encode(b"the-client:the-secret").decode()
    grant = {"grant_type": "client_credentials"}
    header = {"Authorization": f"Basic {basic}"}
    answers = [
        client.root.post(TOKEN, data=GOOD),
        client.root.post(TOKEN, params=GOOD),
        client.root.post(TOKEN, data=grant, headers=header),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.parametrize("case", ["Integration@emulator.invalid", "integration@emulator.invalid"])
def test_a_user_logs_in_by_password_whatever_the_case_of_the_name(
    client: Client, case: str
) -> None:
    """A security token may stand behind the password; the session works."""
    user = {"username": case, "password": client.ready["password"] + "TheSecurityToken"}
    answer = client.root.post(TOKEN, data={**GOOD, "grant_type": "password", **user}).json()
    header = {"Authorization": f"Bearer {answer['access_token']}"}
    assert client.root.get(f"{API}/limits", headers=header).status_code == 200


def test_a_refresh_token_needs_no_secret_but_no_wrong_one(client: Client) -> None:
    """An app without a secret refreshes too; a secret that is sent is compared."""
    form = {"grant_type": "refresh_token", "refresh_token": client.ready["refresh_token"]}
    codes = [
        client.root.post(TOKEN, data={**form, "client_id": "the-client", **secret}).status_code
        for secret in ({}, {"client_secret": "the-secret"}, {"client_secret": "other"})
    ]
    assert codes == [200, 200, 400]


SOAP = "/services/Soap/u/59.0"
SOAP_LOGIN = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<n1:login xmlns:n1="urn:partner.soap.sforce.com"><n1:username>{name}</n1:username>'
    "<n1:password>{password}</n1:password></n1:login></s:Body></s:Envelope>"
)


def test_a_user_logs_in_by_soap_and_out_again(client: Client) -> None:
    """As the quick starts of older clients do; the session is one of REST."""
    body = SOAP_LOGIN.format(name=client.ready["username"], password=client.ready["password"])
    answer = client.root.post(SOAP, content=body)
    session = re.search("<sessionId>(.+?)</sessionId>", answer.text)
    assert (answer.status_code, session is not None) == (200, True)
    token = session[1] if session else ""
    header = {"Authorization": f"Bearer {token}"}
    assert f"<serverUrl>{client.ready['base_url']}{SOAP}/00D" in answer.text
    assert client.root.get(f"{API}/limits", headers=header).status_code == 200
    out = f"<s:Envelope><sessionId>{token}</sessionId><logout/></s:Envelope>"
    assert client.root.post(SOAP, content=out).status_code == 200
    assert client.root.get(f"{API}/limits", headers=header).status_code == 401


def test_a_wrong_password_by_soap_is_a_fault(client: Client) -> None:
    """With its code and its text, status 500."""
    body = SOAP_LOGIN.format(name=client.ready["username"], password="wrong")
    answer = client.root.post(SOAP, content=body)
    assert answer.status_code == 500
    assert "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>" in answer.text


def test_a_token_has_only_the_signs_of_a_session(client: Client) -> None:
    """Clients know one by its signs: 00D, an exclamation mark, letters, digits and dots."""
    assert re.fullmatch(r"00D\w{15}![.\w]+", client.core_token)


@pytest.mark.parametrize(
    ("changed", "error", "description"),
    [
        ({"client_id": "other"}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": "other"}, "invalid_client", "invalid client credentials"),
        ({"grant_type": "telepathy"}, "unsupported_grant_type", "grant type not supported"),
        ({"grant_type": "password"}, "invalid_grant", "authentication failure"),
        ({"grant_type": "refresh_token"}, "invalid_grant", "expired access/refresh token"),
        ({"grant_type": JWT_GRANT}, "invalid_grant", "user hasn't approved this consumer"),
    ],
)
def test_a_login_that_is_wrong_is_refused(
    client: Client, changed: dict[str, str], error: str, description: str
) -> None:
    """OAuth errors are an object, not the array of the REST API."""
    answer = client.root.post(TOKEN, data={**GOOD, **changed})
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_an_unknown_token_is_an_expired_session(client: Client) -> None:
    """Every call on the data API needs a live token, whether its path exists or not."""
    for path in ("/limits", "/query?q=x", "/no/such/path"):
        answer = client.root.get(API + path, headers={"Authorization": "Bearer 00D!old"})
        assert answer.status_code == 401
        assert answer.json() == [
            {"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}
        ]


def test_a_malformed_authorization_header_is_named(client: Client) -> None:
    """The error differs from that of an expired session, so that clients do not log in again."""
    answer = client.root.get(f"{API}/limits", headers={"Authorization": "Nonsense"})
    assert answer.status_code == 401
    assert answer.json()[0]["errorCode"] == "INVALID_AUTH_HEADER"


def test_a_revoked_token_is_dead(client: Client) -> None:
    """After revoke the session is expired."""
    assert client.org.get("/limits").status_code == 200
    client.root.post("/services/oauth2/revoke", data={"token": client.core_token})
    assert client.org.get("/limits").status_code == 401


def test_a_session_can_be_ended_by_a_link(client: Client) -> None:
    """Revoke takes GET too."""
    client.root.get("/services/oauth2/revoke", params={"token": client.core_token})
    assert client.org.get("/limits").status_code == 401


def test_a_core_token_buys_a_tenant_token_and_stays_alive(client: Client) -> None:
    """The tenant token is a JWT with a tenant id and an end."""
    answer = client.root.post(
        "/services/a360/token", data={**TENANT_GRANT, "subject_token": client.core_token}
    ).json()
    assert f"http://{answer['instance_url']}" == client.ready["tenant_url"]
    assert answer["expires_in"] > 0
    payload = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["audienceTenantId"].startswith("a360/")
    assert claims["exp"] > claims["iat"]
    assert client.org.get("/limits").status_code == 200


def test_a_dead_core_token_buys_nothing(client: Client) -> None:
    """The trade needs a live session."""
    answer = client.root.post(
        "/services/a360/token", params={**TENANT_GRANT, "subject_token": "00D!old"}
    )
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_grant"


def test_the_tenant_url_can_come_with_a_scheme(client: Client) -> None:
    """An org answers a bare host; a client that takes both is shown the other form too."""
    client.admin.post("/options", json={"instance_url_scheme": True})
    answer = client.root.post(
        "/services/a360/token", data={**TENANT_GRANT, "subject_token": client.core_token}
    )
    assert answer.json()["instance_url"] == client.ready["tenant_url"]


def test_each_host_knows_only_its_own_tokens_and_routes(client: Client) -> None:
    """A client that mixes the two hosts is caught."""
    core = {"Authorization": f"Bearer {client.core_token}"}
    tenant = {"Authorization": client.tenant.headers["Authorization"]}
    assert client.tenant.post("/api/v2/query", json={"sql": "x"}, headers=core).status_code == 401
    assert client.org.get("/limits", headers=tenant).status_code == 401
    assert client.tenant.get(f"{API}/limits").status_code == 404
    assert client.root.post("/api/v2/query", json={"sql": "x"}, headers=core).status_code == 404


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"scopes": "cdp_query_api"}, (403, "INVALID_SESSION_ID")),
        ({"api_enabled": False}, (403, "API_CURRENTLY_DISABLED")),
    ],
)
def test_app_and_user_must_be_let_into_the_api(
    client: Client, options: dict[str, object], refusal: tuple[int, str]
) -> None:
    """The login works, and no call with its token does; the list of versions needs none."""
    assert client.admin.post("/options", json=options).is_success
    answer = client.org.get("/limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == refusal
    scope = client.root.post(TOKEN, data=GOOD).json()["scope"]
    assert scope == options.get("scopes", "cdp_query_api api")
    assert client.root.get("/services/data").is_success


@pytest.mark.parametrize(
    ("options", "space", "error"),
    [
        ({"scopes": "api"}, "default", "invalid_scope"),
        ({}, "sales", "invalid_request"),
        ({}, "Default", ""),
    ],
)
def test_a_tenant_token_wants_the_scope_and_a_data_space_that_is_there(
    client: Client, options: dict[str, object], space: str, error: str
) -> None:
    """The data spaces are the records of Dataspace."""
    token = client.root.post(TOKEN, data=GOOD).json()["access_token"]
    assert client.admin.post("/options", json=options).is_success
    form = {**TENANT_GRANT, "subject_token": token, "dataspace": space}
    answer = client.root.post("/services/a360/token", data=form).json()
    assert answer.get("error", "") == error


def test_limits_are_for_users_who_may_view_setup(client: Client) -> None:
    """What the record of UserPermissionAccess says holds."""
    change = 'UPDATE "UserPermissionAccess" SET "PermissionsViewSetup" = {}'
    for allowed, status in (("false", 403), ("true", 200)):
        body = {"store": "core", "sql": change.format(allowed)}
        assert client.admin.post("/sql", json=body).is_success
        assert client.org.get("/limits").status_code == status
