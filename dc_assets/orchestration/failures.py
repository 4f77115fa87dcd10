"""Turns our own errors into one sentence in the Dagster UI."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from dc_assets.core.errors import DcError


@contextmanager
def in_one_sentence() -> Generator[None]:
    """Fail the step with the error's sentence.

    No Dagster retry: the ladders below have waited already, and running again is the operator's
    choice. A lost worker is another matter: `run_retries` in dagster.yaml starts that run again.
    """
    try:
        yield
    except DcError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
