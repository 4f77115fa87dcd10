"""Who is let in: the host a call names on both ports, and the owner alone at the side door."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from dc_assets_tests.emulator.driver import Client

STATE = "/__emulator__/state"
FOREIGN_HOSTS = ("rebound.example", "localhost:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}")
NOT_OWNERS: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"Origin": "http://127.0.0.1:1"}, 403, "an Origin header"),
    ({"Origin": "null"}, 403, "an Origin header"),
    ({"Sec-Fetch-Site": "cross-site"}, 403, "Sec-Fetch-Site header of another site"),
    ({"Sec-Fetch-Site": "same-site"}, 403, "Sec-Fetch-Site header of another site"),
    ({"Content-Type": "text/plain"}, 415, "needs Content-Type: application/json"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    ({"Content-Type": "application/jsonp"}, 415, "application/json"),
    ({"Authorization": ""}, 401, "admin_token of the ready file is missing"),
    ({"Authorization": "Bearer wrong"}, 401, "admin_token of the ready file is missing"),
    ({"Authorization": "Bearer wr\xf6ng"}, 401, "admin_token of the ready file is missing"),
    ({"Authorization": "Basic {token}"}, 401, "admin_token of the ready file is missing"),
)


@pytest.mark.parametrize(("headers", "status", "sentence"), NOT_OWNERS)
def test_the_side_door_opens_for_its_owner_alone(
    client: Client, headers: dict[str, str], status: int, sentence: str
) -> None:
    """One sentence says what was missing, and nothing is done."""
    content_type = {"Content-Type": "application/json"}
    filled = {
        name: value.format(token=client.ready["admin_token"]) for name, value in headers.items()
    }
    whole = httpx.Headers({**content_type, **filled}, encoding="latin-1")
    answer = client.admin.post("/seed", content=b'{"accounts": 77}', headers=whole)
    assert answer.status_code == status
    (error,) = answer.json()
    assert (error["errorCode"], sentence in error["message"]) == ("EMULATOR", True), error
    assert client.admin.get("/state").json()["core"]["Account"] == 10


def test_what_a_page_cannot_send_is_let_in(client: Client) -> None:
    """Parameters of the content type, a call without a body, a tab the user opened himself."""
    for headers in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}):
        assert client.admin.post("/release", headers=headers).status_code == 200
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.admin.post("/release", content=b"{}", headers=kind).status_code == 200


def test_every_admin_route_wants_the_token(client: Client) -> None:
    """Those that only tell something too, in whatever case the path is written."""
    for name in ("state", "jobs", "journal", "journal/keys", "calls", "clock", "org", "faults"):
        for prefix in ("/__emulator__", "/__EMULATOR__"):
            assert client.root.get(f"{prefix}/{name}").status_code == 401, name
    for name in ("reset", "seed", "source", "sql", "hold", "release", "options", "clock", "org"):
        assert client.root.post(f"/__emulator__/{name}", json={}).status_code == 401, name
    assert client.root.post("/__emulator__/faults", json={}).status_code == 401


def test_the_token_does_not_open_the_org(client: Client) -> None:
    """Nor does a token of the org open the side door."""
    token = {"Authorization": f"Bearer {client.ready['admin_token']}"}
    assert client.org.get("/limits", headers=token).status_code == 401
    assert client.tenant.post("/api/v2/query", json={"sql": "x"}, headers=token).status_code == 401
    assert client.org.get(client.ready["base_url"] + STATE).status_code == 401


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_both_ports_want_the_host_of_their_listener(client: Client, host: str) -> None:
    """A name that was made to lead here is refused before any work, fault or count."""
    client.faults({"what": "reset", "calls": "*", "times": 99})
    before = client.admin.get("/calls").json()
    for http, path, word in (
        (client.org, "/limits", "errorCode"),
        (client.tenant, "/x", "tenantId"),
    ):
        port = urlsplit(str(http.base_url)).port
        named = {"Host": host.format(port=port)}
        answer = http.get(path, headers=named)
        assert (answer.status_code, word in answer.text) == (421, True), answer.text
        assert f"127.0.0.1:{port}." in answer.text
    assert client.admin.get("/state", headers={"Host": host.format(port=1)}).status_code == 421
    assert client.admin.get("/calls").json() == before


def test_the_port_of_the_other_listener_is_foreign(client: Client) -> None:
    """Each listener has its own name."""
    other = {"Host": urlsplit(client.ready["tenant_url"]).netloc}
    assert client.org.get("/limits", headers=other).status_code == 421


@pytest.mark.parametrize("head", ["HTTP/1.0", "HTTP/1.0\r\nHost: {0}\r\nHost: {0}", "HTTP/1.1"])
def test_a_call_names_one_host(client: Client, head: str) -> None:
    """None, as old clients do, or two are refused."""
    for url in (client.ready["base_url"], client.ready["tenant_url"]):
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall(f"GET {STATE} {head.format(parts.netloc)}\r\n\r\n".encode())
            answer = httpx.Response(400, content=connection.recv(65_536)).text
        assert answer.startswith("HTTP/1.1 400 "), answer
