"""How rows fall on parents."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.simulate.rows import check_skew, parents_of
from dc_assets.core.errors import ConfigError
from dc_assets.simulation.forecast import LoadShape, parents_of_load


def test_even_parents_have_about_as_many_rows() -> None:
    """No parent has twice its share."""
    rows_of = Counter(parents_of(100_000, 100, "uniform", seed=1))
    assert len(rows_of) == 100
    assert max(rows_of.values()) < 2_000


def test_zipf_parents_fall_off_as_one_over_their_rank() -> None:
    """The biggest has about ten times the rows of the tenth."""
    biggest = [rows for _, rows in Counter(parents_of(200_000, 1_000, "zipf:1.0", 1)).most_common()]
    assert biggest[0] / biggest[9] == pytest.approx(10, rel=0.15)


def test_a_hot_parent_has_its_share() -> None:
    """And the others share the rest evenly."""
    biggest = [rows for _, rows in Counter(parents_of(100_000, 1_000, "hot:0.05", 1)).most_common()]
    assert biggest[0] == pytest.approx(5_000, rel=0.1)
    assert biggest[1] < 200


def test_the_number_of_a_parent_does_not_tell_its_size() -> None:
    """Other seeds make other parents the biggest."""
    hottest = {Counter(parents_of(2_000, 50, "hot:0.5", s)).most_common(1)[0][0] for s in range(9)}
    assert len(hottest) > 4


def test_the_same_seed_gives_the_same_rows() -> None:
    """And another seed others."""
    assert parents_of(1_000, 50, "zipf:1.0", 3) == parents_of(1_000, 50, "zipf:1.0", 3)
    assert parents_of(1_000, 50, "zipf:1.0", 3) != parents_of(1_000, 50, "zipf:1.0", 4)


def test_rows_of_a_planned_load_are_shuffled() -> None:
    """Each parent has its count, and its rows do not stand together."""
    shape = LoadShape((400, 500), ((500, 1), (300, 1)), window=1, batch_rows_max=10)
    parents = parents_of_load(shape)
    assert Counter(parents) == {0: 500, 1: 300, -1: 100}
    assert list(parents) != sorted(parents)


@pytest.mark.parametrize(
    "skew", ["", "even", "uniform:1", "zipf", "zipf:x", "zipf:-1", "zipf:nan", "hot:1.5", "hot:0"]
)
def test_a_skew_that_cannot_be_read_is_refused(skew: str) -> None:
    """With the words that can be."""
    with pytest.raises(ConfigError, match=r"zipf:1\.0"):
        check_skew(skew)
