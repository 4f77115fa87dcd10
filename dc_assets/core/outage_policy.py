"""How long a run bears calls that give no usable answer, and when it gives up on a host."""

from __future__ import annotations

from dc_assets.core.errors import (
    DcError,
    HostSilent,
    LimitReached,
    RejectedRequest,
    RemoteError,
    TransientRemoteError,
    UnsettledJob,
)
from dc_assets.core.ladders import doubt_wait_s, jittered
from dc_assets.core.spec import LoadSpec

DOUBTS_MAX = 8
"""How often in a row one batch may get no usable answer of a kind that no wait fixes."""

JOB_MOVED_CODES = frozenset({"INVALIDJOBSTATE", "NOT_FOUND"})
"""Somebody else moved or deleted our job: the org knows its state, so it is asked."""


class OutagePolicy:
    """Remembers the last good answer of the org, and how many got lost since then.

    Attributes:
        pause_until_s: no new job is begun before: each lost create would plan its batch anew.
    """

    def __init__(self, spec: LoadSpec, now_s: float) -> None:
        self._silence_s_max = spec.limits.silence_s_max
        self._again = f"dc-assets run {spec.name}"
        self._replayed_at_s = now_s
        self._lost_in_a_row = 0
        self.pause_until_s = now_s

    def replayed(self, now_s: float) -> None:
        """A call was answered well."""
        self._replayed_at_s = now_s
        self._lost_in_a_row = 0

    def wait_s(
        self, error: RemoteError | UnsettledJob, *, doubts: int, now_s: float, unit: float
    ) -> float:
        """Note a call without usable answer; return how long its batch waits before it asks again.

        ``doubts`` counts such calls of the batch, this one included; ``unit`` is a random number
        in [0, 1).
        """
        if not isinstance(error, TransientRemoteError):
            return jittered(doubt_wait_s(doubts, after_ladder=False), unit)
        self._lost_in_a_row += 1
        pause_s = doubt_wait_s(self._lost_in_a_row, after_ladder=False)
        self.pause_until_s = now_s + jittered(pause_s, unit)
        if error.retry_after_s is not None:
            return error.retry_after_s
        return jittered(doubt_wait_s(doubts, after_ladder=error.after_ladder), unit)

    def reason_to_stop(
        self, error: RemoteError | UnsettledJob, *, doubts: int, now_s: float
    ) -> DcError | None:
        """Return why the run has to stop sending after this error, if it has to."""
        if isinstance(error, UnsettledJob):
            return error if doubts > DOUBTS_MAX else None
        if isinstance(error, LimitReached):
            return error
        if isinstance(error, RejectedRequest):
            self._replayed_at_s = now_s  # a clear no is an answer
            moved = error.code in JOB_MOVED_CODES and doubts <= DOUBTS_MAX
            return None if moved else error
        silence_s = now_s - self._replayed_at_s
        if silence_s < self._silence_s_max:
            return None
        return HostSilent(
            f"The org gave no good answer for {silence_s / 60:.0f} minutes, the last one was: "
            f"{error} What is in flight is kept in the ledger. When the org answers again: "
            f"{self._again}"
        )
