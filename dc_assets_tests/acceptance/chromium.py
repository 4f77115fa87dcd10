"""Debian's Chromium for tests: headless, with no way out of 127.0.0.1, and every request seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request, expect, sync_playwright

from dc_assets_tests.acceptance.stage import environment_of

CHROMIUM = shutil.which("chromium")
"""Where the browser is; Playwright's own downloads are never used."""

WHY_SKIPPED = "there is no chromium on the PATH: apt-get install chromium"
LOOPBACK = "127.0.0.1"
VIEWPORT_PX = (1440, 810)
WAIT_MS = 150_000
"""How long anything may take to appear: the daemon looks for backfills every 30 seconds."""

ALONE = (
    # No name is looked up and no other address is reached, whoever in the browser asks for it.
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}",
    "--no-proxy-server",
    # What the browser would ask for by itself.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
)


@dataclass
class Chromium:
    """A running browser with one page."""

    page: Page
    net_log: Path
    hosts: set[str] = field(default_factory=set[str])

    def note(self, request: Request) -> None:
        """Remember the host that a page asks; `data:` and `blob:` addresses have none."""
        if host := urlsplit(request.url).hostname:
            self.hosts.add(host)

    def reached(self) -> set[str]:
        """Return the addresses that the browser opened connections to. It must have ended."""
        tries = (e["params"] for e in self._events("TCP_CONNECT_ATTEMPT") if "params" in e)
        addresses = [str(params["address"]) for params in tries if "address" in params]
        return {address.rpartition(":")[0] for address in addresses}

    def looked_up(self) -> int:
        """Count the names that the browser asked a name server for. It must have ended."""
        kinds = ("HOST_RESOLVER_SYSTEM_TASK", "DNS_TRANSACTION")
        return sum(1 for kind in kinds for _ in self._events(kind))

    def _events(self, kind: str) -> Iterator[dict[str, Any]]:
        log = json.loads(self.net_log.read_text(encoding="utf-8"))
        number: int = log["constants"]["logEventTypes"][kind]
        yield from (event for event in log["events"] if event["type"] == number)


@contextmanager
def running_chromium(folder: Path, *more: str) -> Generator[Chromium]:
    """Run a browser whose profile and log are in a folder; of an argument twice the last holds."""
    net_log = folder / "net-log.json"
    width, height = VIEWPORT_PX
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=CHROMIUM,
            args=[*ALONE, f"--log-net-log={net_log}", *more],
            viewport={"width": width, "height": height},
            env={**environment_of(folder)},
            timezone_id="UTC",
            locale="en-US",
        )
        try:
            context.set_default_timeout(WAIT_MS)
            expect.set_options(timeout=WAIT_MS)
            browser = Chromium(context.pages[0], net_log)
            context.on("request", browser.note)
            yield browser
        finally:
            context.close()
