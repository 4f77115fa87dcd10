"""What a report says of the proof: verdict, partitions, check results, distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from dc_assets.core.checks import COVERAGE, ROW_COUNT, check_descriptions
from dc_assets.core.load_state import RESTORING, CheckResult, LoadState, PartitionState, RowCounts
from dc_assets.core.phases import Phase
from dc_assets.core.spec import LoadSpec, check_name
from dc_assets.core.standing import Verdict, Word, verdict_of, verdict_of_all
from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity

WORDS = {
    Severity.PASSED: "passed",
    Severity.WARN: "warning",
    Severity.ERROR: "failed",
    Severity.NOT_ASKED: "not asked",
}
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
class PartitionProof:
    """One partition: what both sides counted, beside how it stands.

    Attributes:
        state: None while it was not begun.
        counts: what both sides counted; None where nobody did.
    """

    partition: str
    state: PartitionState | None
    counts: CountVerdict | None
    checks: Sequence[CheckWord]

    @property
    def phase(self) -> str:
        """The words "not begun", or the phase."""
        if self.state is None or self.state.phase == Phase.NEW:
            return "not begun"
        return self.state.phase

    @property
    def is_sent(self) -> bool:
        """Whether every row has an outcome."""
        return self.state is not None and self.state.is_done

    @property
    def rows(self) -> RowCounts:
        """Its rows by the ledger."""
        return RowCounts() if self.state is None else self.state.rows

    @property
    def seconds(self) -> float | None:
        """From its first start to its end, or to now."""
        return None if self.state is None or self.state.started_at is None else self.state.seconds

    @property
    def source(self) -> int | None:
        """Rows of the source, where they were counted."""
        return self.counts and self.counts.source_rows

    @property
    def target(self) -> int | None:
        """Rows of the target, where they were counted."""
        return self.counts and self.counts.target_rows

    @property
    def unexplained(self) -> int | None:
        """Rows by which the sides differ and nothing explains it."""
        return self.counts and self.counts.unexplained

    def for_machines(self) -> dict[str, object]:
        """Return it as one flat object."""
        rows, state = self.rows, self.state
        return {
            "partition": self.partition,
            "phase": self.phase,
            "source": self.source,
            "target": self.target,
            "selected": rows.selected,
            "landed": rows.landed,
            "refused": rows.refused,
            "pending": rows.pending,
            "unexplained": self.unexplained,
            "started_at": state and state.started_at,
            "finished_at": state and state.finished_at,
            "seconds": self.seconds,
            "checks": [asdict(one) for one in self.checks],
        }


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
    not_asked: int
    not_run: int


@dataclass(frozen=True, slots=True)
class LoadVerdict:
    """How the load stands, with what is missing.

    Attributes:
        tone: GO, CARE or STOP; the words say the same.
        reasons: what is missing, one sentence each.
    """

    tone: str
    word: str
    sentence: str
    reasons: Sequence[str]


@dataclass(frozen=True)
class LoadProof:
    """Everything of one load that its verdict rests on."""

    load: LoadState
    spec: LoadSpec | None

    @cached_property
    def last(self) -> Mapping[tuple[str, str], CheckResult]:
        """The latest result of each check, by partition and check."""
        return {
            (key, check): result
            for key, one in self.load.partitions.items()
            for check, result in one.checks.items()
        }

    @cached_property
    def keys(self) -> Sequence[str]:
        """The partitions that are due: a partial load has those that it touched."""
        touched = list(self.load.partitions)
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
    def lines(self) -> Sequence[PartitionProof]:
        """A line for each partition that is due."""
        return [self._line(key) for key in self.keys]

    def _line(self, key: str) -> PartitionProof:
        counted = self.last.get((key, ROW_COUNT))
        counts = counted.outcome.values[0].counts if counted and counted.outcome.values else None
        checks = [self._word(key, check) for check in self.checks]
        return PartitionProof(key, self.load.partitions.get(key), counts, checks)

    def _word(self, key: str, check: str) -> CheckWord:
        said = self.last.get((key, check))
        if said is None:
            is_due = self.spec is None or check in self._promised
            return CheckWord(check, NOT_RUN if is_due else NOT_DUE)
        return CheckWord(check, WORDS[said.outcome.severity], said.checked_at)

    def totals(self) -> Totals:
        """Add up rows, partitions and checks."""
        lines, rows = self.lines, self.load.rows
        words = [said.word for line in lines for said in line.checks if said.word != NOT_DUE]
        return Totals(
            selected=rows.selected or 0,
            landed=rows.landed,
            refused=rows.refused,
            pending=rows.pending,
            partitions=len(lines),
            partitions_done=sum(line.is_sent for line in lines),
            checks=len(words),
            passed=words.count("passed"),
            warned=words.count("warning"),
            failed=words.count("failed"),
            not_asked=words.count("not asked"),
            not_run=words.count(NOT_RUN),
        )

    def findings(self) -> Sequence[CheckFinding]:
        """Return what the checks said that did not pass, failed ones first."""
        said = [o for o in self.last.values() if o.outcome.severity is not Severity.PASSED]
        said.sort(key=lambda o: o.outcome.severity.is_good)
        return [_finding(one.outcome, one.checked_at) for one in said]

    def distributions(self) -> Sequence[Distribution]:
        """Return the value counts of each compared field, added up over the partitions."""
        fields = () if self.spec is None else self.spec.checks.distributions
        outcomes = [one.outcome for one in self.last.values()]
        return [_distribution(name, outcomes) for name in fields]


def verdict_of_load(proof: LoadProof) -> LoadVerdict:
    """Say how a load stands and what is missing."""
    totals = proof.totals()
    is_done = totals.partitions_done == totals.partitions > 0
    tone, word = _standing(proof, totals, is_done=is_done)
    said = [f"{totals.passed:,} of {totals.checks:,} checks passed"]
    said += [f"{totals.warned:,} with differences that are explained"] if totals.warned else []
    said += [f"{totals.failed:,} failed"] if totals.failed else []
    said += [f"{totals.not_asked:,} not asked"] if totals.not_asked else []
    said += [f"{totals.not_run:,} not run"] if totals.not_run else []
    sentence = (
        f"{totals.selected:,} selected, {totals.landed:,} landed, {totals.refused:,} refused, "
        f"{totals.pending:,} pending; {', '.join(said)}"
    )
    return LoadVerdict(tone, word, sentence, _reasons(proof, totals, is_done=is_done))


_STANDINGS = {
    Word.NOT_PROVED: "STOP",
    Word.NOT_ASKED: "STOP",
    Word.UNFINISHED: "STOP",
    Word.NOT_CHECKED: "CARE",
    Word.COMPLETE: "CARE",
    Word.PROVED: "GO",
}


def _standing(proof: LoadProof, totals: Totals, *, is_done: bool) -> tuple[str, str]:
    if proof.load.is_running and not is_done:
        return ("STOP" if totals.failed else "CARE"), "STILL RUNNING"
    judged = [verdict_of(line.state, proof.checks) for line in proof.lines]
    standing = verdict_of_all(judged)
    if not is_done:
        return "STOP", Word.UNFINISHED.value.upper()
    if proof.load.mode == RESTORING:
        return "CARE", "RESTORED"  # its checks would compare it with the source, which is newer
    short = Verdict(standing.word, standing.refused)  # the findings name the checks
    return _STANDINGS[standing.word], short.text.upper()


def _reasons(proof: LoadProof, totals: Totals, *, is_done: bool) -> Sequence[str]:
    load, name = proof.load, proof.load.spec_name
    reasons: list[str] = []
    if proof.load.is_running and not is_done:
        reasons.append("Runs are working on it: the figures are those of the moment.")
    if load.state == "superseded" and not is_done:
        reasons.append("It was given up: a newer load took its place.")
    elif load.stopped_at is not None:
        reasons.append(f"An operator ordered it to stop. To resume: dc-assets run {name}")
    undone = [line.partition for line in proof.lines if not line.is_sent]
    if undone:
        reasons.append(
            f"{len(undone):,} of {totals.partitions:,} partitions are not done: {_named(undone)}."
        )
    reasons += [
        f"{one.partition_key} sends nothing for now: {one.paused_why or '?'}"
        for one in load.partitions.values()
        if one.paused_until is not None
    ]
    if load.mode == RESTORING:
        reasons.append(
            "It is a restore: records were written back as they were before a load, and its "
            "command held them against the snapshot. The checks here compare with the source, "
            f"which is newer. To bring the source over again: dc-assets run {name} --changed"
        )
        return reasons
    reasons += [
        f"{one.partition_key}: {one.taken_back}. To load them again: dc-assets run {name} --changed"
        for one in load.partitions.values()
        if one.taken_back
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
