"""A page in a browser of this machine: it reaches the ports of the org and does nothing."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response

from dc_assets_tests.acceptance.chromium import CHROMIUM, LOOPBACK, WHY_SKIPPED, running_chromium
from dc_assets_tests.acceptance.stage import short_folder
from dc_assets_tests.emulator.driver import Client, Emulator, rows_csv

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=WHY_SKIPPED)]

REBOUND = "rebound.test"
"""A host of the attacker whose name leads to this machine."""

ATTACK = """
async ({org, tenant, tries}) => {
  const done = [];
  for (const [name, body] of tries) {
    const url = name.startsWith('/') ? tenant + name : org + '/__emulator__/' + name;
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json']) {
      for (const mode of ['no-cors', 'cors']) {
        const headers = {'Content-Type': type};
        try {
          const answer = await fetch(url, {method: 'POST', mode, body, headers});
          done.push([mode, answer.status, mode === 'cors' ? await answer.text() : '']);
        } catch (error) { done.push([mode, 0, '']); }
      }
    }
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded']) {
      const frame = document.createElement('iframe');
      frame.name = 'f' + Math.random();
      document.body.append(frame);
      const form = document.createElement('form');
      Object.assign(form, {method: 'POST', action: url, target: frame.name, enctype});
      const field = document.createElement('input');
      // As text/plain the form is NAME=VALUE: a JSON object with one name too many.
      field.name = body.slice(0, -1) + ', "x": "'; field.value = '"}';
      form.append(field); document.body.append(form);
      const loaded = new Promise(resolve => { frame.onload = resolve; });
      form.submit(); await loaded;
    }
    const image = new Image();
    const over = new Promise(resolve => { image.onerror = image.onload = resolve; });
    image.src = url; await over;
  }
  return done;
}
"""

SAME_ORIGIN = """
async ({tries, token}) => {
  const done = [];
  for (const [name, body] of tries) {
    const url = name.startsWith('/') ? name : '/__emulator__/' + name;
    const headers = {'Content-Type': 'application/json', Authorization: 'Bearer ' + token};
    for (const request of [{method: 'POST', body, headers}, {headers}]) {
      const answer = await fetch(url, request);
      done.push([answer.status, await answer.text()]);
    }
  }
  return done;
}
"""


class _Blank(BaseHTTPRequestHandler):
    """Answers every path with an empty page."""

    def do_GET(self) -> None:
        page = b"<!doctype html><title>page</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the base
        """Nothing: the output is that of the test."""


@contextmanager
def _page_of_another_port() -> Generator[str]:
    with ThreadingHTTPServer((LOOPBACK, 0), _Blank) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def tries(tmp_path: Path) -> list[tuple[str, str]]:
    """Bodies that would do harm on each route, if they were heard."""
    victim = tmp_path / "victim.csv"
    victim.write_text("Key__c\na\n")
    stolen = f"COPY (SELECT 1) TO '{tmp_path / 'stolen'}'"
    bodies = {
        "sql": {"store": "core", "sql": 'DELETE FROM "Account"'},
        "seed": {"accounts": 77},
        "source": {"path": str(victim)},
        "faults": {"faults": [{"what": "status"}]},
        "hold": {"kind": "soql"},
        "options": {"arrow": False},
        "org": {"preset": "seed-org"},
        "clock": {"scale": 9},
        "/api/v2/query": {"sql": stolen},
    }
    return [(name, json.dumps(body)) for name, body in bodies.items()]


def _all_that_is(client: Client) -> dict[str, object]:
    names = ("state", "faults", "org", "jobs", "journal")
    told: dict[str, object] = {name: client.admin.get(f"/{name}").json() for name in names}
    return told | {"scale": client.admin.get("/clock").json()["scale"]}


def _statuses(page: Page, ports: set[int | None]) -> list[int]:
    """The list into which the statuses of what the org and the tenant answer go."""
    found: list[int] = []

    def note(response: Response) -> None:
        if urlsplit(response.url).port in ports:
            found.append(response.status)

    page.on("response", note)
    return found


def test_a_page_does_nothing(
    emulator: Emulator, client: Client, tries: list[tuple[str, str]], tmp_path: Path
) -> None:
    """Forms, images, fetches with and without CORS; then as a host whose name leads here."""
    client.load(rows_csv(3))
    before = _all_that_is(client)
    org, tenant = emulator.ready["base_url"], emulator.ready["tenant_url"]
    rules = f"MAP {REBOUND} {LOOPBACK}, MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}"
    with (
        _page_of_another_port() as url,
        short_folder() as folder,
        running_chromium(folder, f"--host-resolver-rules={rules}") as browser,
    ):
        page = browser.page
        statuses = _statuses(page, {urlsplit(org).port, urlsplit(tenant).port})
        page.goto(url)
        given = {"org": org, "tenant": tenant, "tries": tries}
        for mode, status, text in page.evaluate(ATTACK, given):
            assert (status, text) == (0, ""), mode
        assert {401, 403} <= set(statuses)
        assert min(statuses) >= 400
        assert len(statuses) >= 5 * len(tries)
        for target in (org, tenant):
            port = urlsplit(target).port
            page.goto(f"http://{REBOUND}:{port}/")
            asked = {"tries": tries, "token": emulator.ready["admin_token"]}
            for status, text in page.evaluate(SAME_ORIGIN, asked):
                assert (status, "Host header" in text) == (421, True)
    assert _all_that_is(client) == before
    assert not (tmp_path / "stolen").exists()
