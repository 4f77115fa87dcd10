"""The one place that knows tenacity: calls are repeated after the rungs of a ladder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from dc_assets.core.errors import LimitReached, TransientRemoteError
from dc_assets.core.ladders import jittered

T = TypeVar("T")


def call_with_backoff(
    effect: Callable[[], T],
    *,
    ladder_s: tuple[float, ...],
    bears_limits: bool = False,
    sleep: Callable[[float], None],
    chance: Callable[[], float],
) -> T:
    """Try once, then once more after each rung of ``ladder_s`` (seconds, jittered).

    Only `TransientRemoteError` is tried again, and `LimitReached` if the call ``bears_limits``; the
    server's own Retry-After wins over the ladder; the last error is let through and says that the
    ladder is used up. An effect that climbed a ladder of its own is not climbed around once more.
    """

    def wait_s(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TransientRemoteError) and error.retry_after_s is not None:
            return error.retry_after_s
        if state.attempt_number > len(ladder_s):
            return 0.0  # tenacity asks before it stops
        return jittered(ladder_s[state.attempt_number - 1], chance())

    def may_pass(error: BaseException) -> bool:
        if isinstance(error, LimitReached):
            return bears_limits
        return isinstance(error, TransientRemoteError) and not error.after_ladder

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(may_pass),
        stop=tenacity.stop_after_attempt(len(ladder_s) + 1),
        wait=wait_s,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(effect)
    except TransientRemoteError as error:
        error.after_ladder = True
        raise
