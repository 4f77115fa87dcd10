"""The policies by name, and one load by one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.simulate.background import BACKGROUNDS
from benchmarks.simulate.locked_lanes import run_locked_lanes
from benchmarks.simulate.locking_org import LockingModel, LockingOrg
from benchmarks.simulate.outcome import Figures, SimulatedRun
from benchmarks.simulate.rows import parents_of
from benchmarks.simulate.seed_policies import SEED_POLICIES, FireAndForget, run_fire_and_forget
from benchmarks.simulate.waiting_policies import (
    WAITING_POLICIES,
    SubmitAndWait,
    run_submit_and_wait,
)
from dc_assets.core.durations import HOUR_S
from dc_assets.simulation.org_model import bound_s
from dc_assets.simulation.partition_run import Way

Policy = Callable[[LockingOrg, int], Figures]
"""Writes all rows of an org's parents, cut into so many partitions."""


Spec = FireAndForget | SubmitAndWait | Way
"""A way to write, as data."""


def policy_of(spec: Spec) -> Policy:
    """Return the policy that a spec describes; its partitions are those of the load.

    Sorted ranges keep their own number: so many jobs are in flight.
    """
    if isinstance(spec, FireAndForget):
        return lambda org, partitions: run_fire_and_forget(org, replace(spec, chains=partitions))
    if isinstance(spec, Way):
        return lambda org, partitions: _lanes(org, replace(spec, partitions=partitions))
    if spec.is_sorted:
        return lambda org, _: run_submit_and_wait(org, spec)
    return lambda org, partitions: run_submit_and_wait(org, replace(spec, ranges=partitions))


def _lanes(org: LockingOrg, way: Way) -> Figures:
    figures = run_locked_lanes(org, way)
    return Figures(
        requests=figures.requests,
        jobs=figures.jobs,
        first_pass_rows=figures.first_pass_rows,
        landed_rows=figures.landed_rows,
        ended_s=figures.ended_s,
    )


SPECS: Mapping[str, Spec] = {**SEED_POLICIES, **WAITING_POLICIES, "lanes": Way()}

POLICIES: Mapping[str, Policy] = {name: policy_of(spec) for name, spec in SPECS.items()}


@dataclass(frozen=True, slots=True)
class Scene:
    """What a load meets.

    Attributes:
        skew: how rows fall on parents, as the reader is told it.
        background: a name of `BACKGROUNDS`.
        partitions: contiguous parts of the rows.
        seed: of the random numbers of the org.
    """

    skew: str
    background: str
    partitions: int = 5
    seed: int = 0
    org: LockingModel = field(default_factory=LockingModel)


def simulate(
    policy: str,
    *,
    rows: int,
    accounts: int,
    skew: str,
    background: str,
    partitions: int = 5,
    seed: int = 0,
    org: LockingModel | None = None,
) -> SimulatedRun:
    """Write rows by the policy of a name, in virtual time. Nothing is sent anywhere.

    Raises:
        ConfigError: the skew cannot be read.
    """
    scene = Scene(skew, background, partitions, seed, org or LockingModel())
    parents = parents_of(rows, accounts, skew, seed)
    return simulated(policy, POLICIES[policy], parents=parents, scene=scene)


def simulated(name: str, run: Policy, *, parents: Sequence[int], scene: Scene) -> SimulatedRun:
    """Write rows with given parents by a policy, in virtual time."""
    org = LockingOrg(scene.org, BACKGROUNDS[scene.background], parents, scene.seed)
    figures = run(org, scene.partitions)
    rows, least_s = len(parents), bound_s(scene.org, parents)
    return SimulatedRun(
        policy=name,
        skew=scene.skew,
        background=scene.background,
        rows=rows,
        first_pass_pct=_pct(figures.first_pass_rows, rows),
        final_pct=_pct(figures.landed_rows, rows),
        hours=round(figures.ended_s / HOUR_S, 4),
        times_bound=round(figures.ended_s / least_s, 3),
        requests=figures.requests,
        jobs=figures.jobs,
        users_blocked_pct=_pct(org.users_blocked, org.users_tried),
        bound_hours=round(least_s / HOUR_S, 4),
        lock_failures=org.lock_failures,
    )


def _pct(part: int, whole: int) -> float:
    return round(100 * part / whole, 4) if whole else 0.0
