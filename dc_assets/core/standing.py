"""What a partition or a load is called after its checks: the one place that says "proved"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from dc_assets.core.load_state import PartitionState
from dc_assets.core.verdicts import CheckOutcome, Severity


class Word(Enum):
    """How a partition or a load stands; of several the first in this order counts."""

    NOT_PROVED = "not proved"
    """A check failed."""
    NOT_ASKED = "not asked"
    """A check could not be asked, and the reason is told."""
    UNFINISHED = "unfinished"
    """Rows are without an outcome, or were not read yet."""
    NOT_CHECKED = "not checked"
    """A check has said nothing since the newest load."""
    COMPLETE = "complete"
    """What differs is explained, by rows that the org refused most of all."""
    PROVED = "proved"
    """All checks passed, and nothing was refused."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How something stands.

    Attributes:
        refused: rows that the org refused.
        details: what the word is about: checks, with the reason where they could not be asked.
    """

    word: Word
    refused: int = 0
    details: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The verdict for people.

        >>> Verdict(Word.COMPLETE, refused=1_200).text, Verdict(Word.PROVED).text
        ('complete, 1,200 refused', 'proved')
        """
        if self.word is Word.COMPLETE and self.refused:
            return f"complete, {self.refused:,} refused"
        said = "complete, with warnings" if self.word is Word.COMPLETE else self.word.value
        return f"{said}: {', '.join(self.details)}" if self.details else said


def verdict_of_checks(
    outcomes: Iterable[CheckOutcome], needed: Sequence[str], *, refused: int = 0
) -> Verdict:
    """Judge a partition that is done by what its checks said after its newest load.

    ``refused`` are the rows that the ledger knows of besides those that the checks saw.
    """
    said = {one.check: one for one in outcomes}
    found = [said[check] for check in needed if check in said]
    refused = max([refused, *(one.refused for one in found)])
    by_severity = {kind: [o for o in found if o.severity is kind] for kind in Severity}
    not_asked = [f"{o.check} ({_reason(o)})" for o in by_severity[Severity.NOT_ASKED]]
    details = {
        Word.NOT_PROVED: [o.check for o in by_severity[Severity.ERROR]],
        Word.NOT_ASKED: not_asked,
        Word.NOT_CHECKED: [check for check in needed if check not in said],
        Word.COMPLETE: [o.check for o in by_severity[Severity.WARN]],
    }
    for word, checks in details.items():
        if checks:
            return Verdict(word, refused, tuple(checks))
    return Verdict(Word.COMPLETE if refused else Word.PROVED, refused)


def _reason(outcome: CheckOutcome) -> str:
    return outcome.summary.removeprefix(f"{Severity.NOT_ASKED.value}: ")


def verdict_of(state: PartitionState | None, needed: Sequence[str]) -> Verdict:
    """Judge a partition in its newest load; None for one that was never begun."""
    if state is None:
        return Verdict(Word.UNFINISHED)
    if not state.is_done or state.rows.pending:
        return Verdict(Word.UNFINISHED, state.rows.refused)
    verdict = _verdict_since(state, needed)
    if verdict.word is Word.NOT_CHECKED and state.taken_back:
        return replace(verdict, details=(state.taken_back,))
    return verdict


def _verdict_since(state: PartitionState, needed: Sequence[str]) -> Verdict:
    """Judge by the checks that looked after the rows were last written."""
    since = [one for one in state.checks.values() if one.checked_at >= state.written_at]
    outcomes = (one.outcome for one in since)
    return verdict_of_checks(outcomes, needed, refused=state.rows.refused)


def verdict_of_all(verdicts: Iterable[Verdict]) -> Verdict:
    """Judge several partitions together: the worst word, all refused rows."""
    found = list(verdicts)
    refused = sum(one.refused for one in found)
    for word in Word:
        alike = [one for one in found if one.word is word]
        if alike:
            details = dict.fromkeys(detail for one in alike for detail in one.details)
            return Verdict(word, refused, tuple(details))
    return Verdict(Word.UNFINISHED)
