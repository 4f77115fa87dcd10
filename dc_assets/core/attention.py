"""Which partitions need attention, why, and which mode of loading fixes each of them.

Dagster's own status decides nothing here: it calls a backfill successful although a check failed.
What counts is what the checks last said, and how far the ledger has each partition.
Why a mode for each reason: `docs/adr/0025-failed-is-what-the-checks-say.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dc_assets.core.load_state import RESTORING, PartitionState, SpecState
from dc_assets.core.phases import Phase
from dc_assets.core.verdicts import CheckOutcome, Severity

COMPARING = "changed"
"""The mode that sends exactly the rows in which the sides differ, which may be none."""

SAMPLING = "canary"
"""The mode that loads a part of a partition: nobody resumes it, and it leaves rows out."""


@dataclass(frozen=True, slots=True)
class CheckStanding:
    """What the checks say of a partition.

    Attributes:
        is_done: whether its newest load is done; until then no check has seen all of it.
        failed: latest results that are an error.
        not_asked: latest results of checks that a side did not answer.
        not_since: checks whose latest outcome is older than the end of the newest load.
        never: checks that have said nothing.
    """

    is_done: bool
    failed: Sequence[CheckOutcome]
    not_asked: Sequence[CheckOutcome]
    not_since: Sequence[str]
    never: Sequence[str]

    @property
    def is_whole(self) -> bool:
        """Whether every check agreed with the newest load."""
        silent = self.not_asked or self.not_since or self.never
        return self.is_done and not (self.failed or silent)


@dataclass(frozen=True, slots=True)
class NeedsAttention:
    """A partition that is to be loaded again.

    Attributes:
        reasons: one sentence each.
        mode: how it is fixed; "" while a live run or a restore is at work on it, or after a restore
            or a cleanup took its rows back on purpose: it is left alone.
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


def proof_of(newest: PartitionState, needed: Sequence[str]) -> CheckStanding:
    """Compare the latest results of the needed checks with the end of the newest load."""
    results = {check: newest.checks[check] for check in needed if check in newest.checks}
    outcomes = [result.outcome for result in results.values()]
    return CheckStanding(
        is_done=newest.is_done,
        failed=[one for one in outcomes if one.severity is Severity.ERROR],
        not_asked=[one for one in outcomes if not one.severity.is_asked],
        not_since=[c for c, result in results.items() if result.checked_at < newest.written_at],
        never=[check for check in needed if check not in results],
    )


def needs_attention(
    state: SpecState, partition_key: str, needed: Sequence[str]
) -> NeedsAttention | None:
    """Return why a partition needs attention and what fixes it, or None."""
    newest = state.newest.get(partition_key)
    if newest is None:
        return NeedsAttention(partition_key, ["it was never loaded"], "full")
    if newest.is_held:
        return NeedsAttention(partition_key, ["a run is working on it"], "")
    return _not_done(state, newest) or _not_proved(newest, needed)


def _not_done(state: SpecState, newest: PartitionState) -> NeedsAttention | None:
    """Judge how far its loads came; an unfinished load is resumed in its own mode."""
    key = newest.partition_key
    there = state.unfinished.get(key)
    if there is not None:
        return NeedsAttention(key, [_how_far(there)], "full")
    if not newest.is_done and newest.mode == RESTORING:
        reason = f"{_how_far(newest)}: dc-assets restore goes on with it"
        return NeedsAttention(key, [reason], "")
    if not newest.is_done:
        mode = COMPARING if newest.mode == SAMPLING else newest.mode
        return NeedsAttention(key, [_how_far(newest)], mode)
    return None


def _how_far(there: PartitionState) -> str:
    if there.phase == Phase.NEW:
        return f"not begun in the unfinished load {there.load_id[:8]}"
    said = f"load {there.load_id[:8]} is not done"
    rows = there.rows
    if rows.selected is None:
        return said
    return f"{said}: {rows.pending:,} of {rows.selected:,} rows have no outcome"


def _not_proved(newest: PartitionState, needed: Sequence[str]) -> NeedsAttention | None:
    """Judge a partition that is done by its checks.

    Whatever they found or did not look for, comparing both sides fixes it, and has them run again.
    Only what was taken back on purpose is brought over again by a person's word alone.
    """
    proof = proof_of(newest, needed)
    if proof.is_whole:
        return None
    if why := newest.taken_back:
        reason = f"{why}: dc-assets run --changed brings the source over again"
        return NeedsAttention(newest.partition_key, [reason], "")
    reasons = [f"{outcome.check} failed: {outcome.summary}" for outcome in proof.failed]
    reasons += [f"{outcome.check} {outcome.summary}" for outcome in proof.not_asked]
    if proof.not_since:
        reasons.append(f"not checked since its newest load{_which(proof.not_since, needed)}")
    if proof.never:
        reasons.append(f"never checked{_which(proof.never, needed)}")
    return NeedsAttention(newest.partition_key, reasons, COMPARING)


def _which(checks: Sequence[str], needed: Sequence[str]) -> str:
    return "" if len(checks) == len(needed) else f": {', '.join(checks)}"
