"""One emulator for all tests of a run; each test starts with ten accounts and nothing else.

Tests of an org that takes time have one for each module, on a clock that stands still.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets_tests.emulator.driver import Client, Emulator, start, start_new
from dc_assets_tests.emulator.stepped import OPTIONS, advance


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A running emulator, ended with the run."""
    running = start_new(tmp_path_factory.mktemp("emulator"))
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


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an emulator whose clock stands still."""
    emulator = start(tmp_path_factory.mktemp("timed"), *OPTIONS)
    client = Client(emulator.ready)
    advance(client, 0)
    yield client
    client.close()
    assert emulator.stop() == 0


@pytest.fixture
def org(standing: Client) -> Client:
    """An org that was just made, with 1,000 accounts and the settings of its start."""
    standing.start_clean(accounts=1000)
    return standing
