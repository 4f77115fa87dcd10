"""Open jobs without rows that a lost or killed create call left behind.

Why at the end and in this order: `docs/adr/0010-strays-are-swept-at-the-end.md`.
"""

from __future__ import annotations

from dc_assets.core.errors import RemoteError
from dc_assets.load.rescue import abort
from dc_assets.load.run import RangeRun

LOOK_AGAIN_S = 1.0
LOOKS_MAX = 60
"""A create call that takes longer belongs to a run that will be rescued, and swept then."""


def sweep(run: RangeRun) -> None:
    """Abort Open jobs of our kind that no ledger knows, or report them.

    Nothing that fails here fails the run: its rows have their outcome already.
    """
    try:
        for job_id in _strays(run):  # a list call that gets lost is made again by its ladder
            if run.spec.profile.exclusive_user:
                abort(run, job_id)
                run.note(f"aborted job {job_id}: open, without rows, and in no ledger")
            else:
                run.note(
                    f"job {job_id} is open and in no ledger; it holds no rows of ours and the org "
                    "drops it after 24 hours (profile.exclusive_user: true lets us abort it)"
                )
    except RemoteError as error:
        run.note(f"{error}; Open jobs were not looked through, the org drops them after 24 hours")


def _strays(run: RangeRun) -> list[str]:
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
