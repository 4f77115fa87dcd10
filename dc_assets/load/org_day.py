"""The org's day as one partition run sees it: what is left of it, what we use, when to pause.

The org's reserve stops a run, a budget of ours pauses it
(`docs/adr/0023-a-budget-of-ours-pauses.md`).
"""

from __future__ import annotations

from concurrent.futures import Future

from dc_assets.core.circuit_breaker import Allowance, Breaker
from dc_assets.core.errors import RemoteError, RunStopped
from dc_assets.core.pauses import LOOK_AGAIN_S, Pause
from dc_assets.core.write_policy import ALLOWANCE_EVERY_S
from dc_assets.load.ports import RangeRun

LOOK_AGAIN_S_MIN = 0.5


class OrgDay:
    """When the org is asked for its allowance, and when a claim may be tried.

    All moments are policy time. Budgets and hours go by the ledger's clock, which nothing scales.

    Attributes:
        may_claim_at_s: a pause lets nothing be claimed before.
        is_allowance_known: whether the org has said what is left of its day; else nothing is
            claimed.
    """

    def __init__(self, run: RangeRun, breaker: Breaker) -> None:
        self._run = run
        self._breaker = breaker
        self._ask_at_s = run.ports.clock.now_s()
        self.is_allowance_known = False
        self._pause: Pause | None = None
        self._quiet_until_s = self._ask_at_s
        self.may_claim_at_s = self._ask_at_s

    def may_claim(self, now_s: float) -> bool:
        """Tell whether a claim may be tried: never before the org's allowance is known."""
        return self.is_allowance_known and now_s >= self.may_claim_at_s

    def asks_allowance(self, now_s: float, *, is_flying: bool) -> bool:
        """Tell whether to ask what is left: before the first job, and every minute.

        A long pause with nothing in flight costs no call until its last minute. Then nothing is
        claimed before the org has answered: others may have used up its day meanwhile.
        """
        if now_s < self._ask_at_s or (now_s < self._quiet_until_s and not is_flying):
            return False
        self._ask_at_s = now_s + ALLOWANCE_EVERY_S
        self.is_allowance_known &= self._pause is None
        return True

    def take_allowance(self, future: Future[Allowance]) -> RunStopped | None:
        """Take in what is left of the org's day; return the reason to stop, if it is one."""
        ports = self._run.ports
        self.is_allowance_known = True
        ports.use.count_calls(self._run.ticket.load_id)
        try:
            left = future.result()
        except RemoteError as error:
            self._run.note("allowance_unknown", cause=str(error))
            return None
        ports.use.keep_allowance(left)
        return self._breaker.allowance(left, free_in_s=ports.batches.free_in_s())

    def replayed(self, claim: str | Pause | None, now_s: float) -> None:
        """The ledger answered a claim: a pause begins, lasts, or is over.

        It is told when it begins and when it ends. Meanwhile the ledger is asked again soon: each
        claim meets an order to stop, and is told how long the pause still takes.
        """
        pause = claim if isinstance(claim, Pause) else None
        if pause is not None:
            self.may_claim_at_s = now_s + max(LOOK_AGAIN_S_MIN, min(pause.for_s, LOOK_AGAIN_S))
            self._quiet_until_s = now_s + pause.for_s - ALLOWANCE_EVERY_S
        if pause is not None and self._pause is None:
            self._run.note("paused", why=pause.why, pause_s=pause.for_s)
        if pause is None and self._pause is not None:
            self._run.note("resumed")
        self._pause = pause
