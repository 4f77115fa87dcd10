"""The one place that knows tenacity: calls are repeated after the rungs of a ladder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from dc_assets.core.errors import RemoteError, TooManyAtOnce, TransientRemoteError
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


@dataclass(frozen=True, slots=True)
class Ladder:
    """The waits of a call, in seconds.

    Attributes:
        call_s: after an answer that may come if it is asked for again; empty for a call that may
            have acted.
        moment_s: after `TooManyAtOnce`, a call that did not act.
    """

    call_s: tuple[float, ...]
    moment_s: tuple[float, ...]

    def rungs_s(self, error: BaseException | None) -> tuple[float, ...]:
        """Return the waits after an error."""
        return self.moment_s if isinstance(error, TooManyAtOnce) else self.call_s

    def is_used_up(self, state: tenacity.RetryCallState) -> bool:
        """Tell whether no wait is left after the last attempt."""
        return state.attempt_number > len(self.rungs_s(_error_of(state)))


def call_with_backoff(
    effect: Callable[[], T],
    *,
    ladder: Ladder,
    sleep: Callable[[float], None],
    chance: Callable[[], float],
    retried: Callable[[Retry], None],
) -> T:
    """Try once, then once more after each rung of a ladder, jittered.

    Only `TransientRemoteError` is tried again; the server's own Retry-After wins over the ladder;
    the last error is let through and says that the ladder is used up. An effect that climbed a
    ladder of its own is not climbed around once more. ``retried`` is told before each wait.
    """

    def wait_s(state: tenacity.RetryCallState) -> float:
        error = _error_of(state)
        if isinstance(error, TransientRemoteError) and error.retry_after_s is not None:
            return error.retry_after_s
        if ladder.is_used_up(state):
            return 0.0  # tenacity asks before it stops
        return jittered(ladder.rungs_s(error)[state.attempt_number - 1], chance())

    def tell(state: tenacity.RetryCallState) -> None:
        error = _error_of(state)
        assert isinstance(error, RemoteError), "nothing else is tried again"
        retried(
            Retry(
                attempt=state.attempt_number + 1,
                attempts_max=len(ladder.rungs_s(error)) + 1,
                cause=error,
                wait_s=state.upcoming_sleep,
            )
        )

    def may_pass(error: BaseException) -> bool:
        return isinstance(error, TransientRemoteError) and not error.after_ladder

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(may_pass),
        stop=ladder.is_used_up,
        wait=wait_s,
        sleep=sleep,
        before_sleep=tell,
        reraise=True,
    )
    try:
        return retrying(effect)
    except TransientRemoteError as error:
        error.after_ladder |= bool(ladder.rungs_s(error))
        raise


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
