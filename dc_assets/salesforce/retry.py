"""The one place that knows tenacity: calls are repeated after the rungs of a ladder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from dc_assets.core.errors import LimitReached, RemoteError, TransientRemoteError
from dc_assets.core.ladders import jittered

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """A call that is about to be made again.

    Attributes:
        attempt: of the call that comes, so from 2.
        cause: why the last one gave no answer.
    """

    attempt: int
    attempts_max: int
    cause: RemoteError
    wait_s: float


def call_with_backoff(  # noqa: PLR0913 - an effect, its ladder, and what waits and is told
    effect: Callable[[], T],
    *,
    ladder_s: tuple[float, ...],
    bears_limits: bool = False,
    sleep: Callable[[float], None],
    chance: Callable[[], float],
    retried: Callable[[Retry], None],
) -> T:
    """Try once, then once more after each rung of ``ladder_s`` (seconds, jittered).

    Only `TransientRemoteError` is tried again, and `LimitReached` if the call ``bears_limits``; the
    server's own Retry-After wins over the ladder; the last error is let through and says that the
    ladder is used up. An effect that climbed a ladder of its own is not climbed around once more.
    ``retried`` is told before each wait.
    """

    def wait_s(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TransientRemoteError) and error.retry_after_s is not None:
            return error.retry_after_s
        if state.attempt_number > len(ladder_s):
            return 0.0  # tenacity asks before it stops
        return jittered(ladder_s[state.attempt_number - 1], chance())

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, RemoteError), "nothing else is tried again"
        retried(
            Retry(
                attempt=state.attempt_number + 1,
                attempts_max=len(ladder_s) + 1,
                cause=error,
                wait_s=state.upcoming_sleep,
            )
        )

    def may_pass(error: BaseException) -> bool:
        if isinstance(error, LimitReached):
            return bears_limits
        return isinstance(error, TransientRemoteError) and not error.after_ladder

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(may_pass),
        stop=tenacity.stop_after_attempt(len(ladder_s) + 1),
        wait=wait_s,
        sleep=sleep,
        before_sleep=tell,
        reraise=True,
    )
    try:
        return retrying(effect)
    except TransientRemoteError as error:
        error.after_ladder = True
        raise
