"""A SQLite ledger is of one host, and no host is locked out of its own."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import RunHeartbeats
from dc_assets.ledger.owners import current_owner

HERE = replace(current_owner("theirs"), machine="this machine")


def beats(url: str, where: dict[str, str], lease_s: float = 60) -> None:
    """Let a run beat that works somewhere else than we."""
    with closing(Database(url)) as database:
        RunHeartbeats(database).heartbeat(replace(current_owner("theirs"), **where), lease_s)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "where",
    [
        {"host": "away", "machine": "another", "boot": "another"},
        {"machine": "another", "boot": "another"},
        {"machine": "", "boot": "another"},
        {"host": "away", "boot": "another"},
    ],
    ids=["another host", "of our name", "a container of our name", "a clone"],
)
def test_a_second_host_is_refused(tmp_path: Path, where: dict[str, str]) -> None:
    """In one sentence that names it and says what helps."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    beats(url, where)
    with pytest.raises(ConfigError, match=r"is for one host.* postgresql://.* opens in \d+ s\."):
        Database(url)


@pytest.mark.parametrize(
    ("lease_s", "where"),
    [
        (60, {}),
        (60, {"processes": "pid:[1]"}),
        (60, {"host": "container-2", "processes": "pid:[1]", "machine": ""}),
        (60, {"boot": ""}),
        (-1, {"host": "away", "machine": "another", "boot": "another"}),
    ],
    ids=["we", "restarted container", "container beside", "unknown", "moved from another host"],
)
def test_nobody_is_locked_out_of_the_own_ledger(
    tmp_path: Path, lease_s: float, where: dict[str, str]
) -> None:
    """The kernel's locks hold between its containers; a silent host is gone."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    beats(url, where, lease_s)
    Database(url).close()


def test_a_host_that_was_restarted_is_the_same() -> None:
    """Under its name and with its installation; of a machine without an id nobody can say."""
    before = replace(HERE, boot="the boot before")
    assert not before.is_of_another_kernel(HERE)
    assert replace(before, machine="").is_of_another_kernel(replace(HERE, machine=""))
