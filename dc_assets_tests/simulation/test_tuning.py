"""`docs/tuning.md` is what `benchmarks.tuning` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.simulate.outcome import SimulatedRun
from benchmarks.tuning import SEEDS, TABLES, Task, rendered
from benchmarks.tuning_text import INTRO, SECTIONS_TEXT, Section

DOCUMENT = Path(__file__).parents[2] / "docs" / "tuning.md"


def test_the_document_begins_with_the_words_of_the_program() -> None:
    """A change of one without the other would be lost at the next writing."""
    assert DOCUMENT.read_text(encoding="utf-8").startswith(INTRO.strip())


@pytest.mark.parametrize("section", SECTIONS_TEXT, ids=lambda section: section.table)
def test_each_question_is_answered_by_the_program(section: Section) -> None:
    """Its words and the names of its lines stand in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for words in (f"## {section.title}", section.asked, section.answer):
        assert words in text
    for line in TABLES[section.table].lines:
        assert f"| {line.name} |" in text


def test_each_table_belongs_to_one_question() -> None:
    """No table is computed that nobody is shown."""
    assert [section.table for section in SECTIONS_TEXT] == list(TABLES)


def fake_run(first_pass_pct: float) -> SimulatedRun:
    """Return a run whose figures can be recognised."""
    return SimulatedRun(
        *("a", "b", "none", 1, first_pass_pct, 99.5, 1.5, 1.25, 1_234, 56, 0.0, 1.2, 0)
    )


def test_a_cell_is_the_mean_with_its_range_where_seeds_differ() -> None:
    """A point or more is told."""
    table = TABLES["stagger"]
    done = {
        Task("stagger", setting, seed): [fake_run(10.0 + seed)] * len(table.lines)
        for setting in table.settings
        for seed in range(SEEDS)
    }
    line = "| test8, 0 h | 11.00 (10.0-12.0) | 99.50 | 1.50 | 1.25 | 1,234 | 56 |"
    assert rendered("stagger", done).splitlines()[4] == line
