"""Deleting records by id: every id has an outcome, and an error leaves no job behind."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest

from dc_assets.core.errors import TransientRemoteError, UnsettledJob
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.run_events import RunEvent, unheard
from dc_assets.load.deletion import delete_records
from dc_assets.load.ports import ResultKind
from dc_assets_tests.fakes.clock import SimClock


@dataclass(slots=True)
class FakeDeleteJobs:
    """One delete job of an org in memory.

    Attributes:
        refusals: error text of ids that are not deleted.
        untouched: ids that the job never looks at.
        shown: ids that the org still shows.
        polls: polls before the end; None for a job that ends only when it is aborted.
        aborts_lost: calls of abort that get no answer and do nothing.
    """

    refusals: dict[str, str] = field(default_factory=dict[str, str])
    untouched: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    polls: int | None = 0
    loses: str = ""
    aborts_lost: int = 0
    ids: list[str] = field(default_factory=list[str])
    state: JobState = JobState.OPEN

    def create(self) -> str:
        """Open the job."""
        return "750"

    def upload(self, job_id: str, payload: bytes) -> None:
        """Take the ids."""
        assert job_id == "750"
        if self.loses == "upload":
            raise TransientRemoteError("lost")
        header, *self.ids = payload.decode().split()
        assert header == "Id"

    def close(self, job_id: str) -> None:
        """Begin."""
        assert job_id == "750"
        self.state = JobState.IN_PROGRESS

    def abort(self, job_id: str) -> None:
        """Stop."""
        assert job_id == "750"
        if self.aborts_lost:
            self.aborts_lost -= 1
            raise TransientRemoteError("no answer to the abort")
        self.state = JobState.ABORTED

    def job(self, job_id: str) -> IngestJob:
        """Tell how far it is."""
        if self.polls == 0 and self.state is JobState.IN_PROGRESS:
            self.state = JobState.JOB_COMPLETE
        elif self.polls:
            self.polls -= 1
        return IngestJob(job_id, self.state)

    def results(self, job_id: str, kind: ResultKind) -> bytes:
        """Return a result file."""
        assert job_id == "750"
        assert self.state in {JobState.JOB_COMPLETE, JobState.ABORTED}
        if self.state is JobState.ABORTED:
            return b""
        if kind == "failed":
            lines = [f'"","{error}","{one}"' for one, error in self.refusals.items()]
            return "\n".join(['"sf__Id","sf__Error","Id"', *lines]).encode()
        gone = [i for i in self.ids if i not in self.refusals and i not in self.untouched]
        lines = [f'"{one}","false","{one}"' for one in gone]
        return "\n".join(['"sf__Id","sf__Created","Id"', *lines]).encode()

    def still_there(self, ids: Sequence[str]) -> AbstractSet[str]:
        """Return what the org shows."""
        return self.shown & set(ids)


def test_each_id_is_gone_or_refused_with_its_code() -> None:
    """Deleted before counts as gone; one that the org never heard of is asked for."""
    jobs = FakeDeleteJobs(
        refusals={
            "b": "ENTITY_IS_DELETED:entity is deleted:--",
            "c": "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
            "d": "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
            "e": "DELETE_FAILED:it has children:--",
        },
        untouched=frozenset("f"),
        shown=frozenset("d"),
        polls=3,
    )
    done = delete_records([*"abcdef"], jobs, SimClock(), unheard, job_wait_s_max=60)
    assert done.gone == [*"abc"]
    assert done.refused == {
        "d": "INVALID_CROSS_REFERENCE_KEY",
        "e": "DELETE_FAILED",
        "f": "UNPROCESSED",
    }


def test_a_job_that_does_not_end_is_aborted_and_read() -> None:
    """Nothing of it is believed to be gone."""
    jobs = FakeDeleteJobs(polls=None)
    done = delete_records(["a"], jobs, SimClock(), unheard, job_wait_s_max=60)
    assert jobs.state is JobState.ABORTED
    assert (done.gone, done.refused) == ([], {"a": "UNPROCESSED"})


def test_a_job_whose_abort_is_refused_ends_the_command_with_what_is_not_known() -> None:
    """After the time of two waits; that it runs is told ever more rarely, each refusal once."""
    told, clock = list[RunEvent](), SimClock()
    jobs = FakeDeleteJobs(polls=None, aborts_lost=1_000)
    with pytest.raises(UnsettledJob) as caught:
        delete_records([*"ab"], jobs, clock, told.append, job_wait_s_max=600)
    assert clock.now_s() == pytest.approx(1200, abs=20)
    assert str(caught.value).startswith("Job 750, which deletes 2 records, still runs after 20m")
    assert "give the same command again" in str(caught.value)
    runs = [event.fields["runs_s"] for event in told if event.name == "deletion_runs"]
    assert runs == pytest.approx([60, 120, 240, 480, 960], abs=10)
    refused = [event for event in told if event.name == "deletion_not_aborted"]
    assert [event.fields["runs_s"] for event in refused] == pytest.approx([600, 1200], abs=20)
    assert str(refused[0]).endswith("the org does not abort it: no answer to the abort")


def test_a_lost_abort_is_sent_again() -> None:
    """The job is read then as one that was aborted at once."""
    told, jobs = list[RunEvent](), FakeDeleteJobs(polls=None, aborts_lost=1)
    done = delete_records(["a"], jobs, SimClock(), told.append, job_wait_s_max=50)
    assert (done.gone, done.refused) == ([], {"a": "UNPROCESSED"})
    names = [event.name for event in told]
    assert names == ["deletion_not_aborted", "deletion_runs", "job_given_up"]


def test_an_error_before_the_close_leaves_no_open_job() -> None:
    """The job is aborted, and the error is told."""
    jobs = FakeDeleteJobs(loses="upload")
    with pytest.raises(TransientRemoteError):
        delete_records(["a"], jobs, SimClock(), unheard, job_wait_s_max=60)
    assert jobs.state is JobState.ABORTED
