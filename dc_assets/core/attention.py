"""Which partitions need attention, why, and which mode of loading fixes each of them.

Dagster's own status decides nothing here: it calls a backfill successful although a check failed.
What counts is what the checks last said, and how far the ledger has each partition.
Why a mode for each reason: `docs/adr/0025-failed-is-what-the-checks-say.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dc_assets.core.verdicts import CheckOutcome, Severity

COMPARING = "changed"
"""The mode that sends exactly the rows in which the sides differ, which may be none."""

SAMPLING = "canary"
"""The mode that loads a part of a partition: nobody resumes it, and it leaves rows out."""


@dataclass(frozen=True, slots=True)
class LatestCheck:
    """What a check said last, and when (seconds since 1970)."""

    outcome: CheckOutcome
    checked_at: float


@dataclass(frozen=True, slots=True)
class RangeInLoad:
    """How far a partition is in one load.

    Attributes:
        phase: new (reading), writing or done.
        selected: rows; None until they are read.
        pending: rows without an outcome.
    """

    load_id: str
    mode: str
    phase: str
    selected: int | None = None
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows of one partition.

    Attributes:
        newest: the partition in the newest load that touched it, of any mode.
        unfinished: the unfinished full load of the spec, "" if there is none.
        phase_there: how far the partition is in that load; None if it was not begun in it.
        is_held: whether a live run is working on it.
        written_at: when a load of the partition last came to its end, seconds since 1970.
        words: what each check said last.
    """

    partition_key: str
    newest: RangeInLoad | None = None
    unfinished: str = ""
    phase_there: str | None = None
    is_held: bool = False
    written_at: float = 0.0
    words: Mapping[str, LatestCheck] = field(default_factory=dict[str, LatestCheck])


@dataclass(frozen=True, slots=True)
class Proof:
    """What the checks say of a partition.

    Attributes:
        is_done: whether its newest load is done; until then no check has seen all of it.
        failed: latest results that are an error.
        not_since: checks whose latest outcome is older than the end of the newest load.
        never: checks that have said nothing.
    """

    is_done: bool
    failed: Sequence[CheckOutcome]
    not_since: Sequence[str]
    never: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Whether every check agreed with the newest load."""
        return self.is_done and not (self.failed or self.not_since or self.never)


@dataclass(frozen=True, slots=True)
class NeedsAttention:
    """A partition that is to be loaded again.

    Attributes:
        reasons: one sentence each.
        mode: how it is fixed; "" while a live run is working on it: it is left alone.
    """

    partition_key: str
    reasons: Sequence[str]
    mode: str

    @property
    def resume(self) -> bool:
        """Whether its run resumes in the unfinished load, and never begins one beside it.

        Only partial loads may begin anew: a partition that is done in one has been looked at once.
        """
        return self.mode in {"full", "replay"}


def proof_of(standing: Standing, needed: Sequence[str]) -> Proof:
    """Compare the latest results of the needed checks with the end of the newest load."""
    words = {check: standing.words[check] for check in needed if check in standing.words}
    return Proof(
        is_done=standing.newest is not None and standing.newest.phase == "done",
        failed=[w.outcome for w in words.values() if w.outcome.severity is Severity.ERROR],
        not_since=[c for c, word in words.items() if word.checked_at < standing.written_at],
        never=[check for check in needed if check not in words],
    )


def needs_attention(standing: Standing, needed: Sequence[str]) -> NeedsAttention | None:
    """Return why a partition needs attention and what fixes it, or None."""
    key = standing.partition_key
    if standing.is_held:
        return NeedsAttention(key, ["a run is working on it"], "")
    return _not_done(standing) or _not_proved(standing, needed)


def _not_done(standing: Standing) -> NeedsAttention | None:
    """Judge how far its loads came; an unfinished load is resumed in its own mode."""
    key, newest = standing.partition_key, standing.newest
    if newest is None:
        return NeedsAttention(key, ["it was never loaded"], "full")
    if standing.unfinished and standing.phase_there is None:
        return NeedsAttention(
            key, [f"not begun in the unfinished load {standing.unfinished[:8]}"], "full"
        )
    if standing.unfinished and standing.phase_there != "done":
        here = newest if newest.load_id == standing.unfinished else None
        return NeedsAttention(key, [_how_far(standing.unfinished, here)], "full")
    if newest.phase != "done":
        mode = COMPARING if newest.mode == SAMPLING else newest.mode
        return NeedsAttention(key, [_how_far(newest.load_id, newest)], mode)
    return None


def _how_far(load_id: str, there: RangeInLoad | None) -> str:
    if there is not None and there.selected is not None:
        return (
            f"load {load_id[:8]} is not done: {there.pending:,} of {there.selected:,} rows have no "
            "outcome"
        )
    return f"load {load_id[:8]} is not done"


def _not_proved(standing: Standing, needed: Sequence[str]) -> NeedsAttention | None:
    """Judge a partition that is done by its checks.

    Whatever they found or did not look for, comparing both sides fixes it, and has them run again.
    """
    proof = proof_of(standing, needed)
    if proof.is_whole:
        return None
    reasons = [f"{outcome.check} failed: {outcome.summary}" for outcome in proof.failed]
    if proof.not_since:
        reasons.append(f"not checked since its newest load{_which(proof.not_since, needed)}")
    if proof.never:
        reasons.append(f"never checked{_which(proof.never, needed)}")
    return NeedsAttention(standing.partition_key, reasons, COMPARING)


def _which(checks: Sequence[str], needed: Sequence[str]) -> str:
    return "" if len(checks) == len(needed) else f": {', '.join(checks)}"
