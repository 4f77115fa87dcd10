"""What `dc-assets dev` keeps from one start to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.demo.kept_world import KeptWorld, held_alone
from dc_assets.demo.world import Seeding

SEEDING = Seeding(rows=5_000, accounts=500, skew="zipf:1.0", seed=1, bad_rows=7)


def made(folder: Path) -> KeptWorld:
    """Return a world whose org was made."""
    (folder / "org").mkdir(parents=True)
    return KeptWorld(folder)


def test_a_second_start_says_what_is_kept_and_which_options_are_not_applied(tmp_path: Path) -> None:
    """The rows that are there, the options that came too late, and how to begin anew."""
    kept = made(tmp_path / "dev")
    kept.remember(SEEDING)
    said = kept.description(["--rows 600", "--partitions 2"])
    assert f"{tmp_path / 'dev'}: 5,000 rows, 500 parents, zipf:1.0, 7 bad rows" in said
    assert "--rows 600 and --partitions 2 are not applied" in said
    assert "dc-assets dev --fresh" in said
    assert "not applied" not in kept.description([])


def test_an_interrupted_seeding_is_said_and_can_be_begun_anew(tmp_path: Path) -> None:
    """An org without a note of its rows is not taken for a whole one."""
    kept = made(tmp_path / "dev")
    assert "seeding was interrupted" in kept.description([])
    kept.forget()
    assert not kept.is_there


def test_a_folder_is_held_by_one_dev_alone(tmp_path: Path) -> None:
    """The second one ends with a sentence; when the first has ended, the next may begin."""
    folder = tmp_path / "dev"
    with held_alone(folder), pytest.raises(ConfigError, match="working on"), held_alone(folder):
        pass
    with held_alone(folder):
        pass
