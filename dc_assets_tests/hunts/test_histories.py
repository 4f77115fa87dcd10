"""Hundreds of seeded histories: whatever happens, everything holds and the load is completed."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.hunts.histories import Told, play, replay_command
from dc_assets_tests.hunts.scenario import PHASES, RATES

SEEDS = range(6)
HUNDREDS = range(6, 360)
MORE_SEEDS = [range(first, first + 250) for first in range(1_000, 5_000, 250)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Generator[SimDatabase]:
    """Open one ledger for all histories; each of them begins with an empty one."""
    opened = SimDatabase(tmp_path_factory.mktemp("ledger") / "ledger.db")
    yield opened
    opened.close()


def hunt(seeds: Iterable[int], database: SimDatabase, folder: Path) -> list[Told]:
    """Play histories; fail with those that broke, and how to replay each."""
    told: list[Told] = []
    broken: list[str] = []
    for seed in seeds:
        try:
            told.append(play(seed, database, folder))
        except Exception as error:  # noqa: BLE001 - any failure is a find
            broken.append(f"{type(error).__name__}: {error}\n  replay: {replay_command(seed)}")
    assert not broken, "\n".join([f"{len(broken)} histories broke", *broken])
    return told


def test_every_history_ends_with_everything_accounted_for(
    database: SimDatabase, tmp_path: Path
) -> None:
    """No seed breaks an invariant."""
    assert len(hunt(SEEDS, database, tmp_path)) == len(SEEDS)


@pytest.mark.hunt
@pytest.mark.timeout(1_200)
def test_hundreds_of_histories_meet_every_trouble(database: SimDatabase, tmp_path: Path) -> None:
    """Together they meet all that there is, and none breaks an invariant."""
    told = hunt(HUNDREDS, database, tmp_path)
    assert {trouble for one in told for trouble in one.met} == set(RATES) | set(PHASES)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seeds", MORE_SEEDS, ids=lambda seeds: f"from-{seeds.start}")
def test_thousands_of_histories_end_well(
    database: SimDatabase, tmp_path: Path, seeds: range
) -> None:
    """What the first hundreds do not meet, some of the thousands do."""
    assert len(hunt(seeds, database, tmp_path)) == len(seeds)


@pytest.mark.parametrize(
    "seed", [8, *(pytest.param(seed, marks=pytest.mark.hunt) for seed in (25, 40, 141))]
)
def test_a_seed_is_a_history(database: SimDatabase, tmp_path: Path, seed: int) -> None:
    """Played twice it is the same to the last line, so that a failure can be looked at again."""
    first, second = (play(seed, database, tmp_path, is_lenient=True) for _ in range(2))
    assert first == second
