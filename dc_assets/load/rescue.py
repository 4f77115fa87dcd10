"""What to do with a batch in doubt: left by a dead run, or after a call whose answer was lost.

The two are the same case: the ledger says how far we meant to go, the org says how far it came.
"""

from __future__ import annotations

from dc_assets.core.batch_states import RESCUE, Rescue
from dc_assets.core.errors import RejectedRequest
from dc_assets.core.ingest_job import JobState
from dc_assets.load.ports import BatchRecord, NewBatch
from dc_assets.load.run import RangeRun

NOT_FOUND = 404


def rescue(run: RangeRun, batch: BatchRecord) -> NewBatch | None:
    """Bring a batch in flight to a state that is known.

    Returns the batch that carries the rows instead, or None when the job goes on and is to be
    polled and settled.
    """
    what = RESCUE[batch.state]
    assert what is not Rescue.NOTHING, "only a batch in flight can be in doubt"
    if what is Rescue.FOLLOW:
        return None
    if what is Rescue.CLEAR_AND_RESEND:
        _clear_strays(run, batch)
        return _resend(run, batch)
    assert batch.job_id is not None
    try:
        job = run.ports.jobs.job(batch.job_id)
    except RejectedRequest as error:
        if error.status != NOT_FOUND:
            raise
        return _resend(run, batch)  # the org dropped the job: nothing of it can land any more
    # Once the abort is done, a late close of the dead run is refused.
    if job.state is JobState.OPEN and _abort(run, batch.job_id) is JobState.ABORTED:
        return _resend(run, batch)
    run.ports.batches.uploaded(run.ticket, batch.batch_id)
    return None


def _clear_strays(run: RangeRun, batch: BatchRecord) -> None:
    """Abort Open jobs that our create may have left, if nobody else creates jobs as our user."""
    jobs, batches = run.ports.jobs, run.ports.batches
    listed = [job.job_id for job in jobs.open_jobs()]
    for job_id in batches.strays(run.ticket, batch.batch_id, listed) if listed else ():
        if run.spec.profile.exclusive_user:
            _abort(run, job_id)
            run.note(f"aborted job {job_id}: open, without rows, and in no ledger")
        else:
            run.note(
                f"job {job_id} is open and in no ledger; it holds no rows of ours and the org "
                "drops it after 24 hours (profile.exclusive_user: true lets us abort it)"
            )


def _abort(run: RangeRun, job_id: str) -> JobState:
    """Abort an Open job and return its state; somebody else may have moved it meanwhile."""
    try:
        run.ports.jobs.abort(job_id)
    except RejectedRequest:
        job = run.ports.jobs.job(job_id)
        if job.state is JobState.OPEN:
            raise
        return job.state
    return JobState.ABORTED


def _resend(run: RangeRun, batch: BatchRecord) -> NewBatch:
    """Plan the rows of a batch that can land nothing any more as a new batch, same attempt."""
    spool = run.ports.spool
    again = NewBatch(run.ports.new_id(), lane=batch.lane, attempt=batch.attempt, rows=batch.rows)
    rows = spool.read_batch(batch.load_id, batch.batch_id)
    spool.write_batch(batch.load_id, again.batch_id, rows)
    run.ports.batches.abandoned(run.ticket, batch.batch_id, again)
    spool.drop_batch(batch.load_id, batch.batch_id)
    return again
