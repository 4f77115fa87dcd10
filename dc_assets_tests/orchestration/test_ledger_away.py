"""A step that lost its ledger or Dagster's storage is begun again by Dagster; no other is."""

import sqlite3

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from dc_assets.core.errors import ConfigError, DcError, LedgerAway
from dc_assets.orchestration.failures import AGAIN_AFTER_S, AGAIN_MAX, in_one_sentence

AWAY = LedgerAway("The ledger has not answered for 95 s.")


def ended_by(error: DcError) -> Exception:
    """Return what Dagster is told when an error ends a step."""
    told: list[Exception] = []

    @dg.op
    def step() -> None:
        try:
            with in_one_sentence():
                raise error
        except (dg.RetryRequested, dg.Failure) as end:
            told.append(end)

    @dg.job
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    return told[0]


def test_a_ledger_that_stayed_away_is_asked_for_again() -> None:
    """By the time of the next attempt the lease of this one is over."""
    told = ended_by(AWAY)
    assert isinstance(told, dg.RetryRequested)
    assert (told.max_retries, told.seconds_to_wait) == (AGAIN_MAX, AGAIN_AFTER_S)


def test_another_error_is_no_reason_to_begin_again() -> None:
    """Running again is the operator's choice."""
    told = ended_by(ConfigError("SF_LOGIN_URL is not set."))
    assert isinstance(told, dg.Failure)
    assert not told.allow_retries


@pytest.mark.parametrize("retries", [AGAIN_MAX - 1, AGAIN_MAX])
def test_it_is_not_asked_for_ever(retries: int) -> None:
    """Then the run ends with the sentence, which says what to do."""
    end = dg.RetryRequested if retries < AGAIN_MAX else dg.Failure
    with pytest.raises(end), in_one_sentence(lambda: retries):
        raise AWAY


def driver_said(code: int) -> sqlite3.OperationalError:
    """Return an error of the driver with a code."""
    said = sqlite3.OperationalError("the driver's words")
    said.sqlite_errorcode = code
    return said


STORAGE_AWAY = OperationalError("SELECT", {}, driver_said(sqlite3.SQLITE_BUSY))


def test_dagsters_storage_that_is_away_is_asked_again() -> None:
    """A server that both share may be restarted while a step asks Dagster for its launch."""
    with pytest.raises(dg.RetryRequested), in_one_sentence(lambda: 0):
        raise STORAGE_AWAY
    with pytest.raises(dg.RetryRequested), in_one_sentence(lambda: 0):
        raise RuntimeError("too many retries for DB connection") from STORAGE_AWAY


def test_a_fault_of_a_statement_is_no_absence() -> None:
    """Beginning again would meet it again."""
    fault = ProgrammingError("SELECT", {}, driver_said(sqlite3.SQLITE_ERROR))
    with pytest.raises(ProgrammingError), in_one_sentence(lambda: 0):
        raise fault
