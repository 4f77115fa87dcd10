"""What the guard before Dagster's UI lets through, over a small application on a real socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dc_assets.demo.guard import Guard
from dc_assets.demo.peers import user_of
from dc_assets_tests.acceptance.services import free_port
from dc_assets_tests.acceptance.stage import wait_until

NOBODY = 65534
JSON = {"Content-Type": "application/json"}
FROM_THE_UI = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
A_LINK = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def answer(request: Request) -> PlainTextResponse:
    """Answer anything."""
    return PlainTextResponse(f"seen {request.method}")


async def talk(websocket: WebSocket) -> None:
    """Take the connection and end it."""
    await websocket.accept()
    await websocket.close()


@pytest.fixture(scope="module")
def port() -> Generator[int]:
    """Serve a guarded application that answers everything, and give its port."""
    number = free_port()
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [WebSocketRoute("/graphql", talk), Route("/{path:path}", answer, methods=methods)]
    guarded = Guard(Starlette(routes=routes), {f"127.0.0.1:{number}", f"localhost:{number}"})
    config = uvicorn.Config(guarded, port=number, log_level="critical", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the server is up")
    yield number
    server.should_exit = True
    thread.join()


def asked(port: int, method: str, path: str, headers: dict[str, str]) -> int:
    """Ask over loopback and return the status; `PORT` in a header is the server's."""
    sent = {name: value.replace("PORT", str(port)) for name, value in headers.items()}
    return httpx.request(method, f"http://127.0.0.1:{port}{path}", headers=sent).status_code


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/", A_LINK),
        ("GET", "/", {"Host": "LOCALHOST:PORT"}),
        ("GET", "/assets/opportunities_in_core?view=checks", FROM_THE_UI),
        ("GET", "/graphql", {"Accept": "text/html,*/*"}),
        ("POST", "/graphql", JSON),
        ("POST", "/graphql", {**JSON, **FROM_THE_UI, "Origin": "http://127.0.0.1:PORT"}),
        ("POST", "/graphql", {"Content-Type": "application/json; charset=utf-8"}),
        ("GET", "/graphql", {**HANDSHAKE, "Origin": "http://127.0.0.1:PORT"}),
        ("GET", "/graphql", HANDSHAKE),
    ],
)
def test_what_the_ui_and_its_clients_send_goes_through(
    port: int, method: str, path: str, headers: dict[str, str]
) -> None:
    """Pages, links to pages, queries by POST in JSON, and subscriptions."""
    assert asked(port, method, path, headers) == (101 if "Upgrade" in headers else 200)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/graphql?query=mutation{x}", {}),
        ("GET", "/graphql/?query=mutation{x}", {}),
        ("GET", "/%67raphql?query=mutation{x}", {}),
        ("GET", "/graphql?query={x}", {"Accept": "image/avif,image/webp,*/*;q=0.8"}),
        ("GET", "/", {"Host": "evil.example:PORT"}),
        ("GET", "/", {"Host": "127.0.0.1"}),
        ("GET", "/", {"Host": "127.0.0.1:1"}),
        ("POST", "/graphql", {**JSON, "Host": "evil.example:PORT"}),
        ("POST", "/graphql", {**JSON, "Origin": "http://127.0.0.1:1"}),
        ("POST", "/graphql", {**JSON, "Origin": "http://localhost:PORT"}),
        ("POST", "/graphql", {**JSON, "Origin": "https://127.0.0.1:PORT"}),
        ("POST", "/graphql", {**JSON, "Origin": "null"}),
        ("POST", "/graphql", {**JSON, "Sec-Fetch-Site": "cross-site"}),
        ("POST", "/graphql", {**JSON, "Sec-Fetch-Site": "same-site"}),
        ("POST", "/graphql", {**JSON, **A_LINK}),
        ("GET", "/", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}),
        ("GET", "/", {**A_LINK, "Sec-Fetch-Dest": "iframe"}),
        ("POST", "/graphql?query=mutation{x}", {}),
        ("POST", "/graphql", {"Content-Type": "application/graphql"}),
        ("POST", "/graphql", {"Content-Type": "text/plain; application/json"}),
        ("POST", "/graphql", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("POST", "/graphql", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("POST", "/report_asset_materialization/x", {"Content-Type": "text/plain"}),
        ("DELETE", "/", {}),
        ("GET", "/graphql", {**HANDSHAKE, "Origin": "http://127.0.0.1:1"}),
        ("GET", "/graphql", {**HANDSHAKE, "Origin": "null"}),
        ("GET", "/graphql", {**HANDSHAKE, "Host": "evil.example:PORT"}),
        ("GET", "/graphql", {**HANDSHAKE, "Sec-Fetch-Site": "same-site"}),
    ],
)
def test_what_another_page_can_send_is_refused(
    port: int, method: str, path: str, headers: dict[str, str]
) -> None:
    """Queries by GET, other hosts and origins, requests of other pages, and forms."""
    assert asked(port, method, path, headers) == 403


def test_a_refusal_says_why(port: int) -> None:
    """One sentence, for whoever wrote the request."""
    said = httpx.get(f"http://127.0.0.1:{port}/graphql?query={{x}}").text
    assert said == "Refused: a query is sent by POST.\n"


def test_two_hosts_are_refused(port: int) -> None:
    """Which one the application would believe is not guessed."""
    lines = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Host: evil.example", "", ""]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("\r\n".join(lines).encode())
        status = connection.recv(100).split()[1]
    assert status in {b"400", b"403"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_is_refused(port: int) -> None:
    """The same request goes through for the own user; the kernel tells them apart."""
    program = (
        "import os, socket, sys\n"
        "os.setuid(int(sys.argv[1]))\n"
        "c = socket.socket()\n"
        f"c.connect(('127.0.0.1', {port}))\n"
        f"c.sendall(b'GET / HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\\r\\n')\n"
        "print(c.recv(100).split()[1])\n"
    )
    statuses = [
        subprocess.run(
            [sys.executable, "-c", program, str(user)],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout.strip()
        for user in (0, NOBODY)
    ]
    assert statuses == ["b'200'", "b'403'"]


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1
   1: 0100007F:8569 0100007F:0BB8 01 00000000:00000000 00:00000000 00000000  1001        0 12 1
   2: 0100007F:0BB8 0100007F:8569 01 00000000:00000000 00:00000000 00000000     0        0 13 1
   3: 0100007F:8570 0100007F:0BB8 05 00000000:00000000 00:00000000 00000000     0        0 0 1
"""
MAPPED = TABLE.replace("0100007F", "0000000000000000FFFF00000100007F").replace("  1001", "  1002")
OTHER_V6 = TABLE.replace("0100007F", "000080FE00000000FFFF00000100007F")
UI = ("127.0.0.1", 3000)


@pytest.mark.parametrize(
    ("port", "table", "user"),
    [
        (0x8569, TABLE, 1001),
        (0x8569, MAPPED, 1002),
        (0x8569, OTHER_V6, None),
        (0x8570, TABLE, None),  # closed by its process: the kernel writes user 0
        (0x8571, TABLE, None),
    ],
)
def test_the_user_of_a_connection_is_read_from_the_kernels_table(
    port: int, table: str, user: int | None
) -> None:
    """Of the peer's end, not of the own one; a socket that nobody holds is nobody's."""
    assert user_of(("127.0.0.1", port), UI, [table]) == user
