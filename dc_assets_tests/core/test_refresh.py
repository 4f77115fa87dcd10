"""Which partitions a tick requests, and what a source cursor compares."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.errors import ConfigError
from dc_assets.core.refresh import PastRefresh, RefreshChoice, RefreshNeeds, choose, state_id
from dc_assets.core.source_state import SourceCursor, fingerprint

NOW_S = 1_000_000.0


NOTHING = PastRefresh()


def always(past: PastRefresh) -> Callable[[str, str], PastRefresh]:
    """Return the same past for every partition and state."""

    def of(_key: str, _state_id: str) -> PastRefresh:
        return past

    return of


def chosen(past: PastRefresh = NOTHING, *, held: bool = False, state: str = "new") -> RefreshChoice:
    """Choose for one partition whose proved state is "old"."""
    needs = RefreshNeeds(
        {"r1-01": state}, {"r1-01": "old"}, ["r1-01"] if held else [], always(past)
    )
    return choose(needs, now_s=NOW_S, retry_after_s=600)


def test_an_unchanged_range_is_left_alone() -> None:
    """Neither requested nor waited for."""
    assert chosen(state="old") == RefreshChoice((), ())


def test_a_changed_range_is_requested_under_a_key_of_range_state_and_attempt() -> None:
    """Equal requests have equal keys, another state another one."""
    [due] = chosen().due
    assert due.run_key == f"r1-01:{state_id('new')}:1"
    assert chosen(state="newer").due[0].run_key != due.run_key


@pytest.mark.parametrize(
    ("past", "held", "said"),
    [
        (PastRefresh(at_work=True), False, "r1-01 is being loaded"),
        (PastRefresh(), True, "r1-01 is being loaded"),
        (PastRefresh(ended=1, ended_at_s=NOW_S - 599), False, "after 1 runs: again in 0 min"),
        (PastRefresh(ended=2, ended_at_s=NOW_S - 600), False, "after 2 runs: again in 10 min"),
        (PastRefresh(ended=99, ended_at_s=NOW_S), False, "after 99 runs: again in 1440 min"),
    ],
)
def test_a_range_that_may_not_run_now_waits_and_says_why(
    past: PastRefresh, said: str, *, held: bool
) -> None:
    """Each failure doubles the wait, up to a day."""
    choice = chosen(past, held=held)
    assert choice.due == ()
    assert said in choice.waiting[0]


@pytest.mark.parametrize(("ended", "wait_s"), [(1, 600), (2, 1_200), (3, 2_400), (40, 86_400)])
def test_after_its_wait_a_range_is_another_attempt(ended: int, wait_s: int) -> None:
    """The attempt counts the runs before."""
    [due] = chosen(PastRefresh(ended=ended, ended_at_s=NOW_S - wait_s)).due
    assert due.attempt == ended + 1


def test_a_range_without_a_proof_is_left_to_the_operator() -> None:
    """It is named, so that nobody waits for it in vain."""
    needs = RefreshNeeds({"r1-01": "new"}, {}, [], always(NOTHING))
    choice = choose(needs, now_s=NOW_S, retry_after_s=600)
    assert choice.due == ()
    assert choice.waiting == ("r1-01 never agreed with its source: load it first",)


@given(st.one_of(st.none(), st.text("0123456789-:+ T.", min_size=1)), st.integers(0))
def test_a_cursor_is_read_back_as_it_was_written(newest: str | None, rows: int) -> None:
    """Whatever the source's way to write a time."""
    cursor = SourceCursor(newest, rows)
    assert SourceCursor.of(cursor.text) == cursor


@pytest.mark.parametrize("text", ["", fingerprint(3, "1 2"), "cursor x 2026-01-01"])
def test_a_text_of_another_kind_is_no_cursor(text: str) -> None:
    """A spec may change from fingerprints to a modification column."""
    assert SourceCursor.of(text) is None


def test_a_column_without_times_is_refused() -> None:
    """The sentence names the setting and the value."""
    with pytest.raises(ConfigError, match=r"refresh.modified names a column that holds '17'"):
        SourceCursor("17", 1).since(60)
