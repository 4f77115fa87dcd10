"""Turns our own errors into one sentence in the Dagster UI."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from dc_assets.core.errors import ERROR, BreakerOpened, BudgetReached, DcError, LimitReached
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


@contextmanager
def in_one_sentence() -> Generator[None]:
    """Fail the step with the error's sentence and kind.

    No Dagster retry: the ladders below have waited already, and running again is the operator's
    choice. A lost worker is another matter: `run_retries` in dagster.yaml starts that run again.
    """
    try:
        yield
    except DcError as error:
        raise dg.Failure(
            description=printable(str(error)),
            metadata={KIND: kind_of(error), ERROR: type(error).__name__},
            allow_retries=False,
        ) from None


def kind_of(error: DcError) -> EventKind:
    """Return which notification people get of an error that ends a run."""
    return next(kind for error_class, kind in _KINDS.items() if isinstance(error, error_class))
