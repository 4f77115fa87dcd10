"""What a report says of the proof: verdict, partitions, check results, distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dc_assets.core.spec import LoadSpec, check_name
from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity
from dc_assets.load.reconcile import COVERAGE, ROW_COUNT, check_descriptions
from dc_assets.views.check_results import CheckedOutcome
from dc_assets.views.load_history import LoadFacts, RangeFacts

WORDS = {Severity.PASSED: "passed", Severity.WARN: "warning", Severity.ERROR: "failed"}
NOT_RUN, NOT_DUE = "not run", "none"
VALUES_SHOWN = 50
NAMED_MAX = 10
"""Partitions or checks that one sentence names."""


@dataclass(frozen=True, slots=True)
class CheckWord:
    """The latest result of one check on one partition, for this load; without one, `NOT_RUN`."""

    check: str
    word: str
    checked_at: float | None = None


@dataclass(frozen=True, slots=True)
class PartitionLine:
    """One partition: what both sides counted, beside what the ledger recorded.

    Attributes:
        phase: "not begun", reading, writing or done.
        source, target, unexplained: None where its rows were not counted.
        seconds: from its first start to its end, or to now.
    """

    partition: str
    phase: str
    source: int | None
    target: int | None
    selected: int | None
    landed: int
    refused: int
    pending: int
    unexplained: int | None
    started_at: float | None
    finished_at: float | None
    seconds: float | None
    checks: Sequence[CheckWord]


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """What a check said that did not pass; the table has ids only, never values of rows."""

    check: str
    partition: str
    word: str
    summary: str
    repair: str
    evidence: str
    checked_at: float
    table: Sequence[Mapping[str, str | int]] = ()


@dataclass(frozen=True, slots=True)
class ValueLine:
    """One value of a distribution, added up over the partitions."""

    value: str
    source: int
    target: int
    refused: int
    unexplained: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The value counts of one field: the most frequent, and all with unexplained rows."""

    field: str
    lines: Sequence[ValueLine]
    values_left_out: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Rows, partitions and checks of the whole load."""

    selected: int
    landed: int
    refused: int
    pending: int
    partitions: int
    partitions_done: int
    checks: int
    passed: int
    warned: int
    failed: int
    not_run: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the load stands.

    Attributes:
        tone: GO, CARE or STOP; the words say the same.
        reasons: what is missing, one sentence each.
    """

    tone: str
    word: str
    sentence: str
    reasons: Sequence[str]


@dataclass(frozen=True)
class Proof:
    """Everything of one load that its verdict rests on."""

    load: LoadFacts
    spec: LoadSpec | None
    ranges: Sequence[RangeFacts]
    outcomes: Sequence[CheckedOutcome]

    @cached_property
    def last(self) -> Mapping[tuple[str, str], CheckedOutcome]:
        """The latest result of each check, by partition and check."""
        return {(o.outcome.partition_key, o.outcome.check): o for o in self.outcomes}

    @property
    def is_running(self) -> bool:
        """Whether a live run is working in it."""
        return any(r.is_held for r in self.ranges)

    @cached_property
    def keys(self) -> Sequence[str]:
        """The partitions that are due: a partial load has those that it touched."""
        touched = [r.partition_key for r in self.ranges]
        if self.spec is None or self.load.mode != "full":
            return touched
        return [*self.spec.ranges, *(key for key in touched if key not in self.spec.ranges)]

    @cached_property
    def checks(self) -> Sequence[str]:
        """The checks that are due; of a spec that is not known, those that were heard of."""
        heard = [check for key, check in self.last if key in self.keys]
        return list(dict.fromkeys([*self._promised, *heard]))

    @cached_property
    def _promised(self) -> Sequence[str]:
        return [] if self.spec is None else list(check_descriptions(self.spec))

    @cached_property
    def lines(self) -> Sequence[PartitionLine]:
        """A line for each partition that is due."""
        begun = {r.partition_key: r for r in self.ranges}
        return [self._line(key, begun.get(key)) for key in self.keys]

    def _line(self, key: str, of: RangeFacts | None) -> PartitionLine:
        counted = self.last.get((key, ROW_COUNT))
        counts = counted.outcome.values[0].counts if counted and counted.outcome.values else None
        end = None if of is None else of.finished_at or self.load.seen_at
        began = None if of is None else of.started_at
        return PartitionLine(
            partition=key,
            phase="not begun" if of is None else {"new": "reading"}.get(of.phase, of.phase),
            source=counts and counts.source_rows,
            target=counts and counts.target_rows,
            selected=of and of.selected,
            landed=of.landed if of else 0,
            refused=of.refused if of else 0,
            pending=of.pending if of else 0,
            unexplained=counts and counts.unexplained,
            started_at=began,
            finished_at=of and of.finished_at,
            seconds=None if end is None or began is None else end - began,
            checks=[self._word(key, check) for check in self.checks],
        )

    def _word(self, key: str, check: str) -> CheckWord:
        said = self.last.get((key, check))
        if said is None:
            is_due = self.spec is None or check in self._promised
            return CheckWord(check, NOT_RUN if is_due else NOT_DUE)
        return CheckWord(check, WORDS[said.outcome.severity], said.checked_at)

    def totals(self) -> Totals:
        """Add up rows, partitions and checks."""
        lines = self.lines
        words = [said.word for line in lines for said in line.checks if said.word != NOT_DUE]
        return Totals(
            selected=sum(line.selected or 0 for line in lines),
            landed=sum(line.landed for line in lines),
            refused=sum(line.refused for line in lines),
            pending=sum(line.pending for line in lines),
            partitions=len(lines),
            partitions_done=sum(line.phase == "done" for line in lines),
            checks=len(words),
            passed=words.count("passed"),
            warned=words.count("warning"),
            failed=words.count("failed"),
            not_run=words.count(NOT_RUN),
        )

    def findings(self) -> Sequence[CheckFinding]:
        """Return what the checks said that did not pass, failed ones first."""
        said = [o for o in self.outcomes if o.outcome.severity is not Severity.PASSED]
        said.sort(key=lambda o: o.outcome.severity is not Severity.ERROR)
        return [_finding(one.outcome, one.checked_at) for one in said]

    def distributions(self) -> Sequence[Distribution]:
        """Return the value counts of each compared field, added up over the partitions."""
        fields = () if self.spec is None else self.spec.checks.distributions
        outcomes = [one.outcome for one in self.last.values()]
        return [_distribution(name, outcomes) for name in fields]


def verdict_of(proof: Proof) -> Verdict:
    """Say how a load stands and what is missing."""
    totals = proof.totals()
    is_done = totals.partitions_done == totals.partitions > 0
    tone, word = _standing(proof, totals, is_done=is_done)
    said = [f"{totals.passed:,} of {totals.checks:,} checks passed"]
    said += [f"{totals.warned:,} with differences that are explained"] if totals.warned else []
    said += [f"{totals.failed:,} failed"] if totals.failed else []
    said += [f"{totals.not_run:,} not run"] if totals.not_run else []
    sentence = (
        f"{totals.selected:,} selected, {totals.landed:,} landed, {totals.refused:,} refused, "
        f"{totals.pending:,} pending; {', '.join(said)}"
    )
    return Verdict(tone, word, sentence, _reasons(proof, totals, is_done=is_done))


def _standing(proof: Proof, totals: Totals, *, is_done: bool) -> tuple[str, str]:
    if proof.is_running and not is_done:
        return ("STOP" if totals.failed else "CARE"), "STILL RUNNING"
    standings = (
        (not is_done, "STOP", "UNFINISHED"),
        (totals.failed or totals.pending, "STOP", "NOT PROVED"),
        (totals.not_run, "CARE", "COMPLETE, NOT ALL CHECKED"),
        (totals.refused, "CARE", "COMPLETE, WITH REFUSED ROWS"),
        (totals.warned, "CARE", "COMPLETE, WITH EXPLAINED DIFFERENCES"),
        (True, "GO", "PROVED"),
    )
    return next((tone, word) for is_so, tone, word in standings if is_so)


def _reasons(proof: Proof, totals: Totals, *, is_done: bool) -> Sequence[str]:
    load, name = proof.load, proof.load.spec_name
    reasons: list[str] = []
    if proof.is_running and not is_done:
        reasons.append("Runs are working on it: the figures are those of the moment.")
    if load.state == "superseded" and not is_done:
        reasons.append("It was given up: a newer load took its place.")
    elif load.stopped_at is not None:
        reasons.append(f"An operator ordered it to stop. To resume: dc-assets run {name}")
    undone = [line.partition for line in proof.lines if line.phase != "done"]
    if undone:
        reasons.append(
            f"{len(undone):,} of {totals.partitions:,} partitions are not done: {_named(undone)}."
        )
    reasons += [
        f"{one.partition_key} sends nothing for now: {one.paused_why or '?'}"
        for one in proof.ranges
        if one.paused_until is not None and one.paused_until > load.seen_at
    ]
    silent = [line.partition for line in proof.lines if any(c.word == NOT_RUN for c in line.checks)]
    if silent and is_done:
        reasons.append(
            f"Not all checks spoke of this load on {_named(silent)}. To ask both sides now: "
            f"dc-assets reconcile {name}"
        )
    return reasons


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more:,} more" if more > 0 else "")


def _finding(outcome: CheckOutcome, checked_at: float) -> CheckFinding:
    return CheckFinding(
        check=outcome.check,
        partition=outcome.partition_key,
        word=WORDS[outcome.severity],
        summary=outcome.summary,
        repair=outcome.repair,
        evidence=outcome.evidence,
        checked_at=checked_at,
        table=outcome.table if outcome.check == COVERAGE and outcome.unexplained else (),
    )


def _distribution(name: str, outcomes: Sequence[CheckOutcome]) -> Distribution:
    sums: dict[str, list[CountVerdict]] = {}
    for outcome in outcomes:
        if outcome.check == check_name(name):
            for value in outcome.values:
                word = "(empty)" if value.value is None else value.value
                sums.setdefault(word, []).append(value.counts)
    lines = [
        ValueLine(
            value,
            sum(c.source_rows for c in counts),
            sum(c.target_rows for c in counts),
            sum(c.refused for c in counts),
            sum(c.unexplained for c in counts),
        )
        for value, counts in sums.items()
    ]
    lines.sort(key=lambda line: (-line.source, line.value))
    shown = [n for n, line in enumerate(lines) if n < VALUES_SHOWN or line.unexplained]
    shown = shown[: 2 * VALUES_SHOWN]
    return Distribution(name, [lines[n] for n in shown], len(lines) - len(shown))
