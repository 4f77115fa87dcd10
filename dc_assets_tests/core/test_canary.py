"""Stages of a canary, how a sample is shared out, and what is under its bar."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.canary import (
    STAGES_MAX,
    SampleFigures,
    Stage,
    parse_stages,
    shares_of,
    why_below,
)
from dc_assets.core.errors import ConfigError

SIZES = st.lists(st.integers(0, 500), min_size=1, max_size=8).map(
    lambda sizes: {f"r1-{number:02d}": size for number, size in enumerate(sizes, start=1)}
)


def test_a_stage_names_rows_and_maybe_its_bar() -> None:
    """99 percent where it names none; blanks around a stage do not matter."""
    assert parse_stages("1000:95, 10000 ,100000:99.9") == (
        Stage(1000, Fraction(95)),
        Stage(10_000, Fraction(99)),
        Stage(100_000, Fraction("99.9")),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no stage"),
        ("1000,", "'' is no stage"),
        ("a lot", "'a lot' is no stage"),
        ("0", "'0' is no stage"),
        ("-5", "'-5' is no stage"),
        ("1e3", "'1e3' is no stage"),
        ("1000:", "'1000:' is no stage"),
        ("1000:0", "above 0 and at most 100"),
        ("1000:100.1", "above 0 and at most 100"),
        ("1000:nan", "'1000:nan' is no stage"),
        ("٣", "'٣' is no stage"),
        ("1000,1000", "must grow, but 1000 stands before 1000"),
        ("1000,10", "must grow, but 1000 stands before 10"),
        (",".join(str(n) for n in range(1, STAGES_MAX + 2)), "takes at most 20"),
    ],
)
def test_nonsense_is_refused_with_an_example_or_a_bound(text: str, said: str) -> None:
    """One sentence that names the stage that is wrong."""
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        parse_stages(text)


@given(rows=st.integers(0, 5_000), sizes=SIZES)
def test_a_sample_has_its_rows_or_all_there_are(rows: int, sizes: dict[str, int]) -> None:
    """No partition gives more than it has; none that has more gives two less than another."""
    shares = shares_of(rows, sizes)
    assert list(shares) == list(sizes)
    assert sum(shares.values()) == min(rows, sum(sizes.values()))
    assert all(0 <= shares[key] <= size for key, size in sizes.items())
    unfilled = [shares[key] for key, size in sizes.items() if shares[key] < size]
    assert all(least >= max(shares.values()) - 1 for least in unfilled)


@given(rows=st.integers(0, 5_000), more=st.integers(0, 500), sizes=SIZES)
def test_a_bigger_sample_holds_the_smaller_one(rows: int, more: int, sizes: dict[str, int]) -> None:
    """A prefix of each partition never gets shorter."""
    smaller, bigger = shares_of(rows, sizes), shares_of(rows + more, sizes)
    assert all(bigger[key] >= smaller[key] for key in sizes)


def test_a_bar_is_reached_exactly() -> None:
    """990 of 1,000 are 99 percent, and 989 are not; a third is no float."""
    assert Stage(1000).reaches_bar(landed=990, rows=1000)
    assert not Stage(1000).reaches_bar(landed=989, rows=1000)
    assert Stage(3, Fraction("33.333333")).reaches_bar(landed=1, rows=3)
    assert not Stage(3, Fraction("33.333334")).reaches_bar(landed=1, rows=3)


@given(rows=st.integers(1, 10**7), refused=st.integers(0, 10**7))
def test_a_share_is_never_told_higher_than_it_is(rows: int, refused: int) -> None:
    """So a stage under its bar never reads as if it had reached it."""
    landed = max(0, rows - refused)
    told = Fraction(SampleFigures(rows=rows, landed=landed).share.removesuffix(" %"))
    assert told <= Fraction(100 * landed, rows) < told + Fraction(1, 100)


def test_what_is_under_the_bar_says_why() -> None:
    """Too few rows, unexplained rows, or both; a check names itself once."""
    stage = Stage(1000)
    good, bad = SampleFigures(rows=1000, landed=990), SampleFigures(rows=1000, landed=989)
    assert why_below(stage, good, []) == []
    assert why_below(stage, bad, []) == ["98.90 % of its rows landed, and its bar is 99 %"]
    assert why_below(stage, good, ["values_match", "values_match"]) == [
        "rows are unexplained, which no bar allows: values_match"
    ]
    assert len(why_below(stage, bad, ["values_match"])) == 2


def test_figures_of_partitions_add_up() -> None:
    """Each number by itself."""
    one = SampleFigures(rows=10, landed=8, refused=2, sent=5, seconds=1.5)
    assert one + one == SampleFigures(rows=20, landed=16, refused=4, sent=10, seconds=3.0)
