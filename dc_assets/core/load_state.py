"""How a load and its partitions stand: the one picture that every command and view shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from dc_assets.core.durations import utc_text
from dc_assets.core.phases import is_sent
from dc_assets.core.verdicts import CheckOutcome

INTERRUPTED = "interrupted"
"""Neither an order nor a newer load ended a run, but a kill, a failure or a limit."""

RESTORING = "restore"
"""The mode that writes a snapshot back: nothing of the source is sent into it."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of some rows, and of the jobs that carried them.

    selected = landed + refused + pending, at every moment after the rows were read.

    Attributes:
        selected: rows chosen for the load; None until they are read.
        refused_by_code: dead letters by Salesforce's code.
        locked: rows that met a lock, each time counted.
        retried: rows that were sent again, each time counted.
        jobs: ingest jobs that the org took.
        in_flight: jobs between create and settle.

    >>> RowCounts(selected=9, landed=5, refused_by_code={"A": 1, "B": 1}).pending
    2
    """

    selected: int | None = None
    landed: int = 0
    refused_by_code: Mapping[str, int] = field(default_factory=dict[str, int])
    locked: int = 0
    retried: int = 0
    jobs: int = 0
    in_flight: int = 0

    @property
    def refused(self) -> int:
        """Rows that became dead letters."""
        return sum(self.refused_by_code.values())

    @property
    def done(self) -> int:
        """Rows that have an outcome."""
        return self.landed + self.refused

    @property
    def pending(self) -> int:
        """Rows that were read and have no outcome yet."""
        return 0 if self.selected is None else self.selected - self.done


def sum_of(parts: Iterable[RowCounts]) -> RowCounts:
    """Add counts up; rows that were not read count as none.

    >>> sum_of([RowCounts(selected=3, landed=1), RowCounts(jobs=2)]).pending
    2
    """
    totals: Counter[str] = Counter()
    by_code: Counter[str] = Counter()
    for one in parts:
        by_code.update(one.refused_by_code)
        for name in _NUMBERS:
            totals[name] += getattr(one, name) or 0
    return RowCounts(
        refused_by_code=dict(by_code.most_common()), **{n: totals[n] for n in _NUMBERS}
    )


_NUMBERS = tuple(one.name for one in fields(RowCounts) if one.name != "refused_by_code")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The latest result of one check on one partition.

    Attributes:
        checked_at: seconds since 1970.
        load_id: newest load of the partition when it was checked; None before any.
    """

    outcome: CheckOutcome
    checked_at: float
    load_id: str | None = None
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One partition in one load; moments are seconds since 1970 by the ledger's clock.

    Attributes:
        phase: how far it is (`core.phases`); `new` while the load has not begun it.
        run_id: the run that holds it, or held it last.
        is_held: whether a live run is working on it.
        halted: why none does though rows are open: its load was stopped by an order or given up,
            or its run was interrupted.
        started_at: when its first run began.
        finished_at: when every row had an outcome; None before.
        checked_at: when every check had looked after that; None before.
        paused_until: until when its run sends nothing by itself; None when it is not paused.
        paused_why: the sentence of the pause.
        checks: the latest result of each check, whichever load it looked at.
        written_at: when a load of this partition last came to its end, this one or another, or
            its records were last deleted by the command cleanup.
        cleaned_at: when that command last began to delete records of it after this load; None if
            it did not.
        cleaned_rows: how many it deleted since.
        seen_at: when the ledger was asked.
    """

    partition_key: str
    load_id: str
    mode: str
    phase: str = "new"
    rows: RowCounts = field(default_factory=RowCounts)
    run_id: str = ""
    is_held: bool = False
    halted: str = INTERRUPTED
    started_at: float | None = None
    finished_at: float | None = None
    checked_at: float | None = None
    paused_until: float | None = None
    paused_why: str | None = None
    checks: Mapping[str, CheckResult] = field(default_factory=dict[str, CheckResult])
    written_at: float = 0.0
    cleaned_at: float | None = None
    cleaned_rows: int = 0
    seen_at: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether every row has an outcome."""
        return is_sent(self.phase)

    @property
    def taken_back(self) -> str:
        """What took rows that had landed back on purpose, "" if nothing did after the last load."""
        if self.cleaned_at is not None and self.cleaned_at >= (self.finished_at or 0.0):
            return f"{self.cleaned_rows:,} records deleted by cleanup"
        if self.mode == RESTORING and self.finished_at is not None:
            return f"restored at {utc_text(self.finished_at)}"
        return ""

    @property
    def seconds(self) -> float:
        """From its first start until its end, or until it was seen; 0 where the clock jumped."""
        if self.started_at is None:
            return 0.0
        return max(0.0, (self.finished_at or self.seen_at) - self.started_at)


@dataclass(frozen=True, slots=True)
class LoadState:
    """One load and the partitions that were begun in it; moments are seconds since 1970.

    Attributes:
        state: open, done or superseded.
        stopped_at: when an operator ordered it to stop, if that was not taken back.
        spec_json: the spec as it was, bounds included; None for loads of older programs.
        versions: of the programs that began it.
        seen_at: the ledger's time when it was asked.
        anyway: why it was sent although the spec did not fit org or source, "" if it did.
        partitions: by key, in their order.
    """

    load_id: str
    spec_name: str
    org_id: str
    mode: str
    state: str
    opened_at: float
    finished_at: float | None = None
    stopped_at: float | None = None
    spec_json: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    seen_at: float = 0.0
    anyway: str = ""
    partitions: Mapping[str, PartitionState] = field(default_factory=dict[str, PartitionState])

    @property
    def rows(self) -> RowCounts:
        """The sums over the partitions."""
        return sum_of(one.rows for one in self.partitions.values())

    @property
    def is_running(self) -> bool:
        """Whether a live run is working in it."""
        return any(one.is_held for one in self.partitions.values())


@dataclass(frozen=True, slots=True)
class SpecState:
    """How the partitions of a spec stand.

    Attributes:
        newest: each partition in the newest load that touched it, of any mode, by key.
        unfinished: those with rows that an unfinished full load has yet to read or send, as they
            are in it, by key.
    """

    newest: Mapping[str, PartitionState] = field(default_factory=dict[str, PartitionState])
    unfinished: Mapping[str, PartitionState] = field(default_factory=dict[str, PartitionState])
