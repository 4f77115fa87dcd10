"""The org's engine: cases that can be reckoned by hand, and what holds for every load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dc_assets.emulator.org.background import Background, Population
from dc_assets.emulator.org.engine import Engine
from dc_assets.emulator.org.settings import PRESETS, OrgSettings, SettingError, changed, parsed
from dc_assets.emulator.org.work import (
    Ended,
    Foreseen,
    JobWork,
    Key,
    LockedRows,
    Piece,
    Report,
    Started,
)

PLAIN = replace(
    PRESETS["seed-org"],
    workers=8,
    row_ms=10.0,
    chunk_overhead_s=0.0,
    batch_overhead_s=0.0,
    queue_latency_s=0.0,
)
"""An org whose times are whole numbers: 2 s for a chunk of 200 rows."""


def job(name: str, keys: Sequence[Key | None], *, rows: int | None = None) -> JobWork:
    """Build a job with one lock for each row; `rows` repeats the only key."""
    listed = list(keys) * (rows or 1)
    return JobWork(name, listed, 1, [(0, len(listed))])


def own(name: str, rows: int) -> JobWork:
    """Build a job that shares no lock with any other row."""
    return job(name, [f"{name}{n}" for n in range(rows)])


def finish(engine: Engine) -> list[Report]:
    """Let everything happen, and check that nothing is left over."""
    reports = list[Report]()
    while (next_s := engine.next_event_s()) is not None:
        reports += engine.advance(next_s)
    assert (len(engine.locks), engine.jobs) == (0, {})
    return reports


def run(org: OrgSettings, *jobs: JobWork) -> list[Report]:
    """Submit jobs at second 0 and let them end."""
    engine = Engine(org)
    for work in jobs:
        engine.submit(work, 0.0)
    return finish(engine)


def ends(reports: list[Report]) -> dict[str, float]:
    """Return when each job ended."""
    return {report.job_id: report.at_s for report in reports if isinstance(report, Ended)}


def pieces(reports: list[Report]) -> list[tuple[int, int]]:
    """Return first row and rows of each piece."""
    return [(report.first, report.rows) for report in reports if isinstance(report, Piece)]


def test_chunks_of_a_batch_run_one_after_the_other() -> None:
    """1,000 rows are five chunks of two seconds on one worker."""
    work = own("a", 1000)
    reports = run(PLAIN, work)
    piece = Piece("a", 10.0, 0, 1000, ())
    assert reports == [
        Started("a", 0.0),
        Foreseen("a", piece),
        piece,
        Ended("a", 10.0, work),
    ]
    assert (work.rows_ok, work.active_s) == (1000, 10.0)


def test_batches_of_a_job_run_side_by_side() -> None:
    """25,000 rows are three batches; the last is half as long."""
    work = own("a", 25_000)
    reports = run(PLAIN, work)
    assert pieces(reports) == [(20_000, 5000), (0, 10_000), (10_000, 10_000)]
    assert (ends(reports), work.active_s) == ({"a": 100.0}, 250.0)


def test_a_free_worker_takes_the_batch_that_waited_longest() -> None:
    """Two workers and three jobs: the third begins when the first is done."""
    reports = run(replace(PLAIN, workers=2), own("a", 200), own("b", 400), own("c", 200))
    assert [r for r in reports if isinstance(r, Started)][2] == Started("c", 2.0)
    assert ends(reports) == {"a": 2.0, "b": 4.0, "c": 4.0}


def test_overheads_are_paid_for_each_batch_and_each_chunk() -> None:
    """1.5 s, and 0.1 s beside the 2 s of each of two chunks."""
    org = replace(PLAIN, batch_overhead_s=1.5, chunk_overhead_s=0.1)
    assert ends(run(org, own("a", 400)))["a"] == pytest.approx(5.7)


def test_a_wait_of_ten_seconds_is_too_long() -> None:
    """Six chunks of one parent: waits of 0 to 8 s pass, the sixth fails with that parent."""
    jobs = [job(str(n), ["p"], rows=200) for n in range(6)]
    reports = run(PLAIN, *jobs)
    assert [(work.rows_ok, work.rows_failed) for work in jobs] == [(200, 0)] * 5 + [(0, 200)]
    assert ends(reports) == {"0": 2.0, "1": 4.0, "2": 6.0, "3": 8.0, "4": 10.0, "5": 10.0}
    (last,) = [r for r in reports if isinstance(r, Piece) and r.job_id == "5"]
    assert last.locked == (LockedRows(0, 200, "p"),)
    assert jobs[5].active_s == 10.0


def crossed() -> tuple[JobWork, JobWork, JobWork]:
    """Build two jobs that each hold what the other wants when the first one ends."""
    return job("first", [2, 3], rows=100), job("a", [0, 2, 1]), job("b", [1, 3, 0])


def test_locks_are_held_while_waiting_so_two_jobs_can_block_each_other() -> None:
    """Until the wait of one is over: it fails, and the other gets what it held."""
    first, a, b = crossed()
    assert ends(run(PLAIN, first, a, b)) == {"first": 2.0, "a": 12.0, "b": 12.03}
    assert (a.rows_failed, b.rows_ok) == (3, 3)


def test_sorted_locks_block_nobody_for_ever() -> None:
    """The same three jobs pass, one after the other."""
    jobs = crossed()
    assert ends(run(replace(PLAIN, lock_order="sorted"), *jobs))["b"] == pytest.approx(2.06)
    assert sum(work.rows_failed for work in jobs) == 0


def test_only_the_rows_of_the_locked_parent_fail_when_the_org_works_so() -> None:
    """The others of the chunk are processed, after the wait."""
    holder = job("holder", ["p"], rows=1200)
    mixed = job("mixed", ["x", "p", "y", "p"])
    org = replace(PLAIN, fail_scope="rows", chunk_rows=2000)
    reports = run(org, holder, mixed)
    assert (mixed.rows_ok, mixed.rows_failed) == (2, 2)
    (piece,) = [r for r in reports if isinstance(r, Piece) and r.job_id == "mixed"]
    assert piece.locked == (LockedRows(1, 1, "p"), LockedRows(3, 1, "p"))
    assert ends(reports)["mixed"] == 10.02


def test_a_batch_over_its_time_goes_back_to_the_queue() -> None:
    """Chunks of 200 s: after the second it leaves, and comes again 30 s later for the third."""
    work = own("a", 600)
    reports = run(replace(PLAIN, row_ms=1000.0), work)
    assert pieces(reports) == [(0, 400), (400, 200)]
    assert (ends(reports), work.requeues, work.active_s) == ({"a": 630.0}, 1, 600.0)


def test_after_twenty_returns_the_rest_is_left_unprocessed() -> None:
    """21 runs of one chunk each; nine chunks are never begun."""
    work = own("a", 200 * 30)
    run(replace(PLAIN, row_ms=2000.0), work)
    assert (work.requeues, work.rows_ok, work.rows_unprocessed) == (20, 21 * 200, 9 * 200)


def test_an_aborted_job_keeps_its_chunks_and_frees_its_locks() -> None:
    """The chunk at work is undone; who waited for its parent goes on at once."""
    engine = Engine(PLAIN)
    first, second = job("a", ["p"], rows=1000), job("b", ["p"], rows=200)
    engine.submit(first, 0.0)
    engine.advance(5.0)
    engine.submit(second, 5.0)
    engine.advance(5.5)
    assert engine.abort("a") == [
        Piece("a", 5.5, 0, 400, ()),
        Foreseen("b", Piece("b", 7.5, 0, 200, ())),
        Ended("a", 5.5, first),
    ]
    assert (first.rows_ok, first.rows_unprocessed, first.active_s) == (400, 600, 5.5)
    assert ends(finish(engine)) == {"b": 7.5}


def test_a_batch_tells_of_its_rows_when_its_last_chunk_begins() -> None:
    """They can be written then; an abort comes too late for that chunk, and in time for others."""
    engine = Engine(PLAIN)
    work = JobWork("a", [f"k{n}" for n in range(10_200)], 1, [(0, 10_200)])
    engine.submit(work, 0.0)
    assert engine.advance(0.5) == [
        Started("a", 0.0),
        Foreseen("a", Piece("a", 2.0, 10_000, 200, ())),
    ]
    assert engine.abort("a") == [Piece("a", 0.5, 10_000, 200, ()), Ended("a", 0.5, work)]
    assert (work.rows_ok, work.rows_unprocessed) == (200, 10_000)
    finish(engine)


def test_rows_that_failed_in_a_chunk_that_is_undone_are_not_told_of() -> None:
    """They are as unprocessed as the others of the chunk."""
    engine = Engine(replace(PLAIN, fail_scope="rows"))
    assert engine.locks.take_elsewhere(["p"]) == ["p"]
    work = job("a", [f"k{n}" for n in range(399)] + ["p"] + [f"k{n}" for n in range(400, 600)])
    engine.submit(work, 0.0)
    engine.advance(13.0)
    assert engine.abort("a")[0] == Piece("a", 13.0, 0, 200, ())
    assert (work.rows_ok, work.rows_failed, work.rows_unprocessed) == (200, 0, 400)
    engine.release(["p"])
    finish(engine)


def test_a_job_can_be_aborted_in_any_state() -> None:
    """Not yet queued, queued, between two runs; an unknown one is no error."""
    engine = Engine(replace(PLAIN, row_ms=2000.0, workers=1, queue_latency_s=5.0))
    for name in ("a", "b"):
        engine.submit(own(name, 400), 0.0)
    assert [type(report) for report in engine.abort("b")] == [Ended]
    engine.submit(own("c", 400), 100.0)
    engine.advance(300.0)
    engine.submit(own("d", 400), 300.0)
    engine.advance(380.0)
    assert [type(report) for report in engine.abort("d")] == [Ended]
    while pieces(engine.advance(engine.now_s + 10)) == []:
        pass
    assert [type(report) for report in engine.abort("a")] == [Ended]
    assert (engine.abort("a"), engine.abort("nobody")) == ([], [])
    assert set(ends(finish(engine))) == {"c"}


def test_rows_that_were_done_before_are_not_done_again() -> None:
    """The spans of a job say what is left; batches are cut where they always were."""
    keys = [f"k{n}" for n in range(10_200)]
    work = JobWork("a", keys, 1, [(200, 400), (5000, 15_000)])
    reports = run(PLAIN, work)
    assert sorted(pieces(reports)) == [(200, 200), (5000, 5000), (10_000, 5000)]
    assert work.rows_ok == 10_200


def test_users_are_blocked_by_a_job_that_holds_their_record() -> None:
    """Nearly all of ten saves a second, since the job holds the only parent for 100 s."""
    engine = Engine(replace(PLAIN, background="heavy", chunk_rows=10_000))
    background = Background(engine, Population(["p"], ["p"]))
    engine.submit(job("a", ["p"], rows=10_000), 0.0)
    engine.advance(100.0)
    assert 850 <= background.tried <= 1150
    assert background.blocked >= background.tried - 50
    tried = background.tried
    engine.advance(200.0)
    assert (engine.jobs, background.tried) == ({}, tried)


def test_other_integrations_make_a_job_wait() -> None:
    """A chunk fails on a lock that somebody else holds for longer than ten seconds."""
    engine = Engine(PLAIN)
    assert engine.locks.take_elsewhere(["p", "p", "q"]) == ["p", "q"]
    work = job("a", ["p"])
    engine.submit(work, 0.0)
    engine.advance(10.0)
    assert (work.rows_failed, engine.timeouts) == (1, 1)
    engine.release(["p", "q"])
    finish(engine)


@given(
    st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=60), min_size=1, max_size=12),
    st.sampled_from(["chunk", "rows"]),
    st.sampled_from(["row", "sorted"]),
    st.integers(1, 5),
    st.floats(0.0, 12.0),
)
@settings(max_examples=150)
def test_every_row_ends_once_whatever_the_contention(
    loads: list[list[int]], scope: str, order: str, workers: int, lock_wait_s: float
) -> None:
    """Landed, failed or unprocessed; pieces cover what was done, and no lock is left."""
    org = replace(
        PLAIN,
        fail_scope=scope,
        lock_order=order,
        workers=workers,
        lock_wait_s=lock_wait_s,
        row_ms=1500.0,
        chunk_rows=4,
        batch_rows=16,
        batch_limit_s=20.0,
        batch_max_requeue=2,
        queue_latency_s=1.0,
    )
    jobs = [job(str(number), keys) for number, keys in enumerate(loads)]
    reports = run(org, *jobs)
    for work in jobs:
        own_pieces = [r for r in reports if isinstance(r, Piece) and r.job_id == work.id]
        done = [n for piece in own_pieces for n in range(piece.first, piece.first + piece.rows)]
        failed = [
            n
            for piece in own_pieces
            for locked in piece.locked
            for n in range(locked.first, locked.first + locked.rows)
        ]
        assert len(done) == len(set(done)) == work.rows - work.rows_unprocessed
        assert len(failed) == len(set(failed)) == work.rows_failed
        assert set(failed) <= set(done)
        assert work.rows_ok + work.rows_failed + work.rows_unprocessed == work.rows
    assert len(ends(reports)) == len(jobs)
    done_pieces = [report for report in reports if isinstance(report, Piece)]
    assert all(r.piece in done_pieces for r in reports if isinstance(r, Foreseen))


def noisy(seed: int) -> list[tuple[str, float]]:
    """Run contending jobs among heavy background, and return the ends."""
    engine = Engine(replace(PRESETS["seed-org"], background="heavy", seed=seed))
    parents = [f"p{n}" for n in range(300)]
    Background(engine, Population(parents, parents[:50]))
    for number in range(20):
        keys = [parents[(number * 7 + n * n) % 300] for n in range(500)]
        engine.submit(job(str(number), keys), number * 2.0)
    reports = engine.advance(2000.0)
    return [(r.job_id, r.at_s) for r in reports if isinstance(r, Ended)]


def test_a_seed_decides_everything() -> None:
    """The same one gives the same ends to the last digit, another one others."""
    assert noisy(1) == noisy(1) != noisy(2)
    assert len(noisy(1)) == 20


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"speed": 1}, "There is no setting speed of the org."),
        ({"workers": 2.5}, "The setting workers of the org takes a whole number."),
        ({"workers": True}, "The setting workers of the org takes a whole number."),
        ({"workers": 0}, "The setting workers of the org is at least 1."),
        ({"row_ms": float("nan")}, "The setting row_ms of the org is at least 0."),
        ({"preset": "warm"}, "The setting preset of the org is one of: instant, seed-org."),
        (
            {"preset": "instant", "workers": 3},
            "The preset instant has no parameters; name the preset seed-org first.",
        ),
    ],
)
def test_a_wrong_setting_is_refused(values: dict[str, object], sentence: str) -> None:
    """In one sentence, by the name of the setting."""
    with pytest.raises(SettingError) as refused:
        changed(PRESETS["seed-org"], values)
    assert str(refused.value) == sentence


def test_a_preset_is_taken_before_the_other_settings() -> None:
    """A whole number will do where a fraction may stand."""
    org = changed(PRESETS["instant"], {"row_ms": 25, "preset": "seed-org", "background": "normal"})
    assert (org.row_ms, org.workers, org.activity.saves_per_s) == (25, 16, 2.0)
    assert changed(org, {"workers": 3}).row_ms == 25


@pytest.mark.parametrize("text", ["workers", "speed=1", "workers=many", "=3"])
def test_a_wrong_setting_of_the_command_line_is_refused(text: str) -> None:
    """It is NAME=VALUE of a known name."""
    with pytest.raises(SettingError):
        parsed(text)
