"""What to do with a batch in doubt: left by a dead run, or after a call whose answer was lost.

The two are the same case: the ledger says how far we meant to go, the org says how far it came.
"""

from __future__ import annotations

from dc_assets.core.batch_states import RESCUE, Rescue
from dc_assets.core.errors import RejectedRequest, RemoteError, SpoolLost, TransientRemoteError
from dc_assets.core.ingest_job import JobState
from dc_assets.core.ladders import CALL_LADDER_S, jittered
from dc_assets.load.ports import RangeRun
from dc_assets.load.store import BatchRecord, NewBatch

NOT_FOUND = 404


def rescue(run: RangeRun, batch: BatchRecord) -> NewBatch | None:
    """Bring a batch in flight to a state that is known.

    Returns the batch that carries the rows instead, or None when the job continues and is to be
    polled and settled.
    """
    what = RESCUE[batch.state]
    assert what is not Rescue.NOTHING, "only a batch in flight can be in doubt"
    if what is Rescue.FOLLOW:
        return None
    if what is Rescue.RESEND:
        return resend(run, batch)
    assert batch.job_id is not None
    try:
        job = run.ports.jobs.job(batch.job_id)
    except RejectedRequest as error:
        if error.status != NOT_FOUND:
            raise
        return resend(run, batch)  # the org dropped the job: nothing of it can land any more
    # Once the abort is done, a late close of the dead run is refused.
    if job.state is JobState.OPEN and abort(run, batch.job_id) is JobState.ABORTED:
        return resend(run, batch)
    run.ports.batches.uploaded(run.ticket, batch.batch_id)
    return None


def abort(
    run: RangeRun, job_id: str, only: frozenset[JobState] = frozenset({JobState.OPEN})
) -> JobState:
    """Abort a job and return its state; somebody else may have moved it out of ``only``.

    A lost answer may have aborted it: the org is asked before the call is made again.
    """
    ports = run.ports
    for attempt, rung_s in enumerate((*CALL_LADDER_S, None), start=1):
        try:
            ports.jobs.abort(job_id)
        except (RejectedRequest, TransientRemoteError) as error:
            state = ports.jobs.job(job_id).state
            if state not in only:
                return state
            if rung_s is None or isinstance(error, RejectedRequest):
                raise
            wait_s = jittered(rung_s, ports.chance())
            run.note(
                "call_retried",
                cause=str(error),
                asked=f"abort of job {job_id}",
                wait_s=wait_s,
                attempt=attempt + 1,
                attempts_max=len(CALL_LADDER_S) + 1,
            )
            ports.clock.sleep(wait_s)
        else:
            return JobState.ABORTED
    raise AssertionError("the loop returns or raises")


def resend(run: RangeRun, batch: BatchRecord) -> NewBatch:
    """Plan the rows of a batch that can land nothing any more as a new batch, same attempt.

    Rows that are on no disk of ours get a batch without a file: its partition reads them again.
    """
    spool = run.ports.spool
    again = NewBatch(run.ports.new_id(), lane=batch.lane, attempt=batch.attempt, rows=batch.rows)
    try:
        rows = spool.read_batch(batch.load_id, batch.batch_id)
        spool.write_batch(batch.load_id, again.batch_id, rows)
    except SpoolLost as lost:
        run.note("rows_lost", cause=str(lost))
    run.ports.batches.abandoned(run.ticket, batch.batch_id, again)
    spool.drop_batch(batch.load_id, batch.batch_id)
    return again


LOOK_AGAIN_S = 1.0
LOOKS_MAX = 60
"""A create call that takes longer belongs to a run that will be rescued, and swept then."""


def sweep(run: RangeRun) -> None:
    """Abort Open jobs of our kind that no ledger knows, or report them.

    Nothing that fails here fails the run: its rows have their outcome already.
    """
    try:
        for job_id in _orphan_jobs(run):  # a list call that gets lost is made again by its ladder
            if run.spec.profile.exclusive_user:
                abort(run, job_id)
                run.note("orphan_aborted", job_id=job_id)
            else:
                run.note("orphan_left", job_id=job_id)
    except RemoteError as error:
        run.note("orphans_unknown", cause=str(error))


def _orphan_jobs(run: RangeRun) -> list[str]:
    """Return unknown Open jobs, after every create call that may have made one of them is over."""
    batches = run.ports.batches
    listed = [job.job_id for job in run.ports.jobs.open_jobs()]
    opening = batches.opening() if listed else frozenset[str]()
    unknown = list(batches.unknown_jobs(listed)) if listed else []
    for _ in range(LOOKS_MAX):
        if not unknown:
            return []
        if not opening & batches.opening():
            return list(batches.unknown_jobs(unknown))
        run.ports.clock.sleep(LOOK_AGAIN_S)
    return []
