"""One emulator for all tests of a run; each test starts with ten accounts and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets_tests.emulator.driver import Client, Emulator, start


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator, ended with the run."""
    running = start(tmp_path_factory.mktemp("emulator"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def connected(emulator: Emulator) -> Iterator[Client]:
    """One client for the run: a connection costs more than a call."""
    client = Client(emulator.ready)
    yield client
    client.close()


@pytest.fixture
def client(connected: Client) -> Client:
    """A logged-in client of an org that was just made."""
    connected.start_clean(accounts=10)
    return connected
