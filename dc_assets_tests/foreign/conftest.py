"""One emulated org for each module: over http for Node, over https for clients that force it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from dc_assets_tests.emulator.driver import NO_TLS, Client, start
from dc_assets_tests.foreign.node import Node, installed
from dc_assets_tests.foreign.orgs import ACCOUNTS, SOURCE_ROWS, Org, Untyped

SEEDING = ("--accounts", str(ACCOUNTS), "--opportunities", str(SOURCE_ROWS))
WHY_SKIPPED = "{} is not installed: .ci/run foreign brings it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    folder = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(folder):
            item.add_marker(pytest.mark.foreign)


@pytest.fixture(scope="module")
def app() -> Untyped:
    """An app with a key, which may log in by JWT."""
    reason = WHY_SKIPPED.format("trustme")
    signing: Untyped = pytest.importorskip("dc_assets_tests.emulator.signing", reason=reason)
    return signing.new_app()


@pytest.fixture(scope="module")
def plain_org(app: Untyped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org that speaks http."""
    yield from running(app, tmp_path_factory.mktemp("org"))


@pytest.fixture(scope="module")
def secure_org(app: Untyped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org that speaks https."""
    yield from running(app, tmp_path_factory.mktemp("org"), "--tls")


def running(app: Untyped, folder: Path, *options: str) -> Iterator[Org]:
    """An org with accounts and with rows in its tenant; it ends afterwards."""
    certificate = folder / "app.pem"
    certificate.write_bytes(app.certificate)
    emulator = start(folder, "--jwt-certificate", str(certificate), *SEEDING, *options)
    authority = emulator.ready.get("ca_file")
    trusted = ssl.create_default_context(cafile=authority) if authority else NO_TLS
    inside = Client(emulator.ready, verify=trusted)
    yield Org(emulator, inside)
    inside.close()
    assert emulator.stop() == 0


def node_with(package: str, home: Path) -> Node:
    """Node with a package, in a home that is empty; else the test is skipped."""
    modules = installed(package)
    if modules is None:
        pytest.skip(WHY_SKIPPED.format(f"{package} or Node"))
    return Node(modules, home)
