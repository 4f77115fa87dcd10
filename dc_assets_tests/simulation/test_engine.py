"""The modelled org does what can be computed by hand, and loses no row."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulate.background import BACKGROUNDS, Background
from benchmarks.simulate.locking_org import LockingModel, LockingOrg
from benchmarks.simulate.rows import parents_of
from dc_assets.simulation.jobs import SimulatedJob
from dc_assets.simulation.org_model import bound_s

LIMIT_S = 1e9
SOON_S = 1e-6
PLAIN = LockingModel(
    workers=4, row_s=0.01, chunk_overhead_s=0.0, batch_overhead_s=0.0, queue_latency_s=SOON_S
)


def org_of(
    parents: Sequence[int], model: LockingModel = PLAIN, background: Background | None = None
) -> LockingOrg:
    """Return an org whose times can be computed by hand."""
    return LockingOrg(model, background or BACKGROUNDS["none"], parents, seed=0)


def submitted(org: LockingOrg, jobs: Sequence[Sequence[int]]) -> list[SimulatedJob]:
    """Close jobs a millisecond apart, and let all end."""
    done: list[SimulatedJob] = []

    def submit(rows: Sequence[int]) -> None:
        done.append(org.submit(rows, None))

    for number, rows in enumerate(jobs):
        org.call_at(number / 1000, partial(submit, rows))
    assert org.run_until_idle(LIMIT_S)
    assert org.locked_by_jobs == set()
    return done


def test_the_chunks_of_a_job_run_one_after_the_other() -> None:
    """1,000 rows of 10 ms are 10 s of one worker, however many are idle."""
    (job,) = submitted(org_of(range(1_000)), [range(1_000)])
    assert job.landed_rows == 1_000
    assert job.ended_s == pytest.approx(10, abs=1e-3)
    assert job.active_s == pytest.approx(10, abs=1e-3)


def test_internal_batches_run_side_by_side() -> None:
    """25,000 rows are cut into batches of 10,000, 10,000 and 5,000."""
    (job,) = submitted(org_of(range(25_000)), [range(25_000)])
    assert job.landed_rows == 25_000
    assert job.ended_s == pytest.approx(100, abs=1e-3)
    assert job.active_s == pytest.approx(250, abs=1e-3)


def test_overheads_count_for_each_chunk_and_each_batch() -> None:
    """Two chunks of 200 rows: 4 s of rows, 0.2 s for the chunks, 1.5 s for the batch."""
    model = LockingModel(row_s=0.01, queue_latency_s=SOON_S)
    (job,) = submitted(org_of(range(400), model), [range(400)])
    assert job.active_s == pytest.approx(5.7, abs=1e-9)


def test_a_chunk_waits_ten_seconds_for_a_lock_and_then_fails_whole() -> None:
    """Of six chunks of 2 s on one parent the sixth would have to wait for 10.01 s."""
    org = org_of([0] * 200, replace(PLAIN, workers=8, row_s=0.01001))
    jobs = submitted(org, [range(200)] * 6)
    assert [job.landed_rows for job in jobs] == [200] * 5 + [0]
    assert jobs[5].failed == list(range(200))
    assert org.lock_failures == 1


def test_a_job_waits_for_a_free_worker() -> None:
    """Five jobs of 1 s on four workers: the fifth begins when the first ends."""
    jobs = submitted(org_of(range(500)), [range(n * 100, n * 100 + 100) for n in range(5)])
    assert jobs[4].started_s == pytest.approx(jobs[0].ended_s)


CROSSED = [0, 1, 1, 0]
"""Rows 0 and 1 lock parents 0, 1; rows 2 and 3 lock 1, 0."""


def crossed(model: LockingModel) -> list[SimulatedJob]:
    """Let two jobs lock two parents in unlike order, each held at first by a third and a fourth."""
    parents = [*CROSSED, *[0] * 100, *[1] * 101]
    return submitted(org_of(parents, model), [range(4, 104), range(104, 205), [0, 1], [2, 3]])


def test_locks_in_unlike_order_block_each_other() -> None:
    """Each holds what the other wants: nobody continues until one has failed."""
    *_, first, second = crossed(PLAIN)
    assert first.landed_rows + second.landed_rows == 2
    assert max(first.ended_s, second.ended_s) > 10


def test_sorted_locks_do_not_block_each_other() -> None:
    """Both ask for parent 0 first."""
    *_, first, second = crossed(replace(PLAIN, lock_order="sorted"))
    assert first.landed_rows == second.landed_rows == 2
    assert max(first.ended_s, second.ended_s) < 3


def test_only_the_rows_of_a_missing_parent_fail_where_the_model_says_so() -> None:
    """The second job waits 10 s for parent 0, then resumes its other row."""
    parents = [*[0] * 200, 0, 1]
    model = replace(PLAIN, row_s=0.1, fail_scope="rows")
    first, second = submitted(org_of(parents, model), [range(200), [200, 201]])
    assert first.landed_rows == 200
    assert (second.landed_rows, second.failed) == (1, [200])
    assert second.ended_s == pytest.approx(10.1, abs=0.01)


def test_a_chunk_none_of_whose_parents_is_had_fails_at_once_after_the_wait() -> None:
    """There is nothing to work on, so the worker resumes the next chunk."""
    model = replace(PLAIN, row_s=0.1, fail_scope="rows", chunk_rows=100)
    org = org_of([*[0] * 101, 1], replace(model, chunk_overhead_s=20.0))
    first, second = submitted(org, [range(100), [100]])
    assert first.landed_rows == 100
    assert (second.landed_rows, second.failed) == (0, [100])
    assert second.ended_s == pytest.approx(10, abs=0.01)


def test_a_batch_that_takes_too_long_goes_back_into_the_queue() -> None:
    """Chunks of 2 s and a limit of 5 s: three chunks, 7 s of rest, the fourth."""
    model = replace(PLAIN, batch_limit_s=5.0, requeue_delay_s=7.0)
    org = org_of(range(800), model)
    (job,) = submitted(org, [range(800)])
    assert job.landed_rows == 800
    assert org.requeues == 1
    assert (job.active_s, job.ended_s) == pytest.approx((8, 15), abs=1e-3)


def test_a_batch_that_was_queued_too_often_gives_its_rest_back() -> None:
    """Its rows are unprocessed: they neither landed nor failed."""
    model = replace(PLAIN, batch_limit_s=1.0, requeues_max=1)
    (job,) = submitted(org_of(range(800), model), [range(800)])
    assert job.landed_rows == 400
    assert job.unprocessed == list(range(400, 800))
    assert job.failed == []


def test_rows_without_a_parent_lock_nothing() -> None:
    """Four jobs of such rows run side by side; a row with a parent between them locks it."""
    parents = [-1] * 400
    jobs = submitted(org_of(parents), [range(n * 100, n * 100 + 100) for n in range(4)])
    assert max(job.ended_s for job in jobs) == pytest.approx(1, abs=0.01)
    mixed = [-1, 0] * 100
    jobs = submitted(org_of(mixed), [range(100), range(100, 200)])
    assert jobs[1].ended_s == pytest.approx(2, abs=0.01)


def test_a_job_has_rows() -> None:
    """A job without rows would never end."""
    with pytest.raises(ValueError, match="at least one row"):
        org_of([0]).submit([], None)


def test_the_client_is_told_at_the_end_and_may_stop_the_time() -> None:
    """`on_end` is called in the event; what was still to come is left where it is."""
    org, told = org_of(range(200)), list[float]()

    def ended(job: SimulatedJob) -> None:
        told.append(org.now_s)
        assert job.ended_s == org.now_s
        org.stop()

    org.submit(range(200), ended)
    org.call_at(100.0, lambda: told.append(org.now_s))
    assert org.run_until_idle(LIMIT_S)
    assert told == pytest.approx([2], abs=1e-3)
    assert org.run_until_idle(LIMIT_S)
    assert told == pytest.approx([2, 100], abs=1e-3)


def test_time_does_not_pass_the_limit() -> None:
    """The rest is kept, and resumes when it is asked for."""
    org = org_of(range(1_000))
    job = org.submit(range(1_000), None)
    assert not org.run_until_idle(5.0)
    assert org.now_s <= 5.0
    assert not job.has_ended
    assert org.run_until_idle(LIMIT_S)
    assert job.has_ended


def test_timers_run_in_the_order_of_their_times() -> None:
    """Those of one time in the order they were given; one in the past runs now."""
    org, seen = org_of([0]), list[str]()
    org.call_at(2.0, partial(seen.append, "late"))
    org.call_at(1.0, partial(seen.append, "first"))
    org.call_at(1.0, lambda: org.call_at(0.5, partial(seen.append, "past")))
    org.call_at(1.0, partial(seen.append, "second"))
    org.run_until_idle(LIMIT_S)
    assert seen == ["first", "second", "past", "late"]


def test_background_alone_keeps_nobody_waiting() -> None:
    """Users save for ever; the time ends when the last job does."""
    org = org_of(range(200), background=BACKGROUNDS["heavy"])
    job = org.submit(range(200), None)
    assert org.run_until_idle(LIMIT_S)
    assert org.now_s == job.ended_s


def test_users_meet_the_locks_of_a_load() -> None:
    """With one parent that is locked all the time every save is blocked, but for the first."""
    always = Background(saves_per_s=10.0, save_s=0.001)
    org = org_of([0] * 20_000, background=always)
    job = org.submit(range(20_000), None)
    org.run_until_idle(LIMIT_S)
    assert job.landed_rows == 20_000
    assert org.users_tried == pytest.approx(2_000, rel=0.1)
    assert org.users_blocked > 0.99 * org.users_tried


def test_a_lock_of_others_makes_a_chunk_wait() -> None:
    """An integration that holds all parents for long makes every chunk fail."""
    long = Background(batches_per_s=10.0, batch_parents=50, batch_s=1_000.0, batch_spread=0.01)
    org = org_of([0] * 200, background=long)
    job: list[SimulatedJob] = []
    org.call_at(5.0, lambda: job.append(org.submit(range(200), None)))
    org.run_until_idle(LIMIT_S)
    assert job[0].failed == list(range(200))
    assert job[0].ended_s == pytest.approx(15, abs=0.01)


def test_the_bound_is_the_work_or_the_biggest_parent() -> None:
    """Two workers halve the work of 100 rows; nothing halves the 80 rows of one parent."""
    model = LockingModel(workers=2, row_s=1.0, chunk_overhead_s=0.0, batch_overhead_s=0.0)
    assert bound_s(model, range(100)) == 50
    assert bound_s(model, [7] * 80 + list(range(20))) == 81
    assert bound_s(model, [-1] * 100) == 50


@given(
    jobs=st.lists(st.integers(1, 700), min_size=1, max_size=12),
    accounts=st.integers(1, 40),
    model=st.builds(
        partial(
            LockingModel, workers=3, batch_limit_s=10.0, requeues_max=2, internal_batch_rows=400
        ),
        fail_scope=st.sampled_from(["chunk", "rows"]),
        lock_order=st.sampled_from(["row", "sorted"]),
    ),
    background=st.sampled_from(sorted(BACKGROUNDS)),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60)
def test_every_row_of_a_job_has_one_outcome(
    *, jobs: list[int], accounts: int, model: LockingModel, background: str, seed: int
) -> None:
    """Landed, failed or unprocessed, whatever meets what; and all locks are free at the end."""
    parents = [*parents_of(sum(jobs), accounts, "zipf:1.0", seed), -1]
    org = LockingOrg(model, BACKGROUNDS[background], array("i", parents), seed)
    starts = [sum(jobs[:n]) for n in range(len(jobs))]
    sent = [org.submit(range(at, at + size), None) for at, size in zip(starts, jobs, strict=True)]
    assert org.run_until_idle(LIMIT_S)
    for job in sent:
        lost = [*job.failed, *job.unprocessed]
        assert len(lost) == len(set(lost))
        assert set(lost) <= set(job.rows)
        assert job.landed_rows + len(lost) == len(job.rows)
        assert job.closed_s <= job.started_s <= job.ended_s
    assert org.locked_by_jobs == set()
