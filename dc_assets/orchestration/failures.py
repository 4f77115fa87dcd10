"""Turns our own errors into one sentence in the Dagster UI."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import dagster as dg

from dc_assets.core.errors import (
    ERROR,
    BreakerOpened,
    BudgetReached,
    DcError,
    LedgerAway,
    LimitReached,
)
from dc_assets.core.events import EventKind
from dc_assets.core.printable import printable

KIND = "kind"
"""Metadata of a failed step: which notification people get of it."""

_KINDS: dict[type[DcError], EventKind] = {
    BreakerOpened: "breaker",
    BudgetReached: "budget",
    LimitReached: "budget",
    DcError: "failed",
}
"""The first class in the order of the table that an error is of decides."""


AGAIN_AFTER_S = 1.0
"""Soon: opening the ledger waits for it, and says at once then that the run lives."""

AGAIN_MAX = 20
"""How often a step that lost its ledger is begun again; each bears an absence of a lease too."""


def _begun_again() -> int:
    """Return how often the present step was begun again."""
    return dg.OpExecutionContext.get().retry_number


@contextmanager
def in_one_sentence(begun_again: Callable[[], int] = _begun_again) -> Generator[None]:
    """Fail the step with the error's sentence and kind.

    A ledger that stays away is not the load's fault and comes back, and so does Dagster's storage:
    Dagster begins the step again. No other Dagster retry: the ladders below have waited already,
    and running again is the operator's choice. A lost worker is another matter: `run_retries` in
    dagster.yaml starts that run again.
    """
    try:
        yield
    except DcError as error:
        if isinstance(error, LedgerAway) and begun_again() < AGAIN_MAX:
            dg.get_dagster_logger().warning("%s Begins again.", printable(str(error)))
            raise dg.RetryRequested(AGAIN_MAX, AGAIN_AFTER_S) from None
        raise dg.Failure(
            description=printable(str(error)),
            metadata={KIND: kind_of(error), ERROR: type(error).__name__},
            allow_retries=False,
        ) from None
    except Exception as error:
        if _is_of_storage_away(error) and begun_again() < AGAIN_MAX:
            raise dg.RetryRequested(AGAIN_MAX, AGAIN_AFTER_S) from error
        raise


def _is_of_storage_away(error: Exception) -> bool:
    """Tell whether Dagster's own storage is away, as PostgreSQL is while it is restarted.

    Dagster 1.13 raises the driver's error, or its own from it after five attempts.
    """
    from sqlalchemy.exc import DBAPIError

    from dc_assets.ledger.absence import is_absence

    causes = (error, error.__cause__)
    return any(isinstance(one, DBAPIError) and is_absence(one) for one in causes)


def kind_of(error: DcError) -> EventKind:
    """Return which notification people get of an error that ends a run."""
    return next(kind for error_class, kind in _KINDS.items() if isinstance(error, error_class))
