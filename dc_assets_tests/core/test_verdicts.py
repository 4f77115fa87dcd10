"""Verdicts from the counts of two sides."""

from __future__ import annotations

import pytest

from dc_assets.core.verdicts import CountVerdict, Severity, compare_distributions, worst


@pytest.mark.parametrize(
    ("source", "target", "refused", "unexplained", "severity"),
    [
        (100, 100, 0, 0, Severity.PASSED),
        (0, 0, 0, 0, Severity.PASSED),
        (100, 97, 3, 0, Severity.WARN),
        (100, 97, 2, 1, Severity.ERROR),
        (100, 97, 0, 3, Severity.ERROR),
        (100, 97, 5, 2, Severity.ERROR),
        (100, 103, 0, 3, Severity.ERROR),
        (100, 103, 2, 5, Severity.ERROR),
    ],
)
def test_only_refused_rows_explain_missing_ones(
    source: int, target: int, refused: int, unexplained: int, severity: Severity
) -> None:
    """A row too many is unexplained, and so is a missing row without a dead letter."""
    verdict = CountVerdict(source, target, refused)
    assert (verdict.unexplained, verdict.severity) == (unexplained, severity)


def test_the_sentence_names_all_four_numbers() -> None:
    """People read one line with both sides, the refused and the unexplained rows."""
    assert CountVerdict(2000, 1997, 2).sentence == (
        "source 2,000, target 1,997: 2 refused, 1 unexplained"
    )


def test_a_value_on_one_side_only_is_compared() -> None:
    """No value is left out, whichever side knows it."""
    counts = compare_distributions({"a": 5, None: 2}, {"a": 5, "b": 1}, {None: 2})
    assert [(c.value, c.counts.severity) for c in counts] == [
        ("a", Severity.PASSED),
        (None, Severity.WARN),
        ("b", Severity.ERROR),
    ]


def test_the_worst_value_is_the_verdict_of_a_distribution() -> None:
    """One wrong value is not outvoted by many right ones."""
    counts = compare_distributions({"a": 5, "b": 3, "c": 1}, {"a": 5, "b": 2, "c": 0}, {"b": 1})
    assert worst(counts) is Severity.ERROR
    assert worst(counts[:2]) is Severity.WARN
    assert worst(counts[:1]) is Severity.PASSED
    assert worst([]) is Severity.PASSED
