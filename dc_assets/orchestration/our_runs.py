"""Which part of a Dagster run is ours: whatever its job, its selection and its code location.

Dagster writes down when it creates a run which assets and checks it is going to make, step by
step. That is asked here, so that nobody has to guess by the name of a job.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from dc_assets.core.checks import check_descriptions
from dc_assets.core.spec import LoadSpec
from dc_assets.orchestration.placing import PlacedLoad

PLANNED = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
}

IN_PROCESS = "Executing steps in process"
"""How Dagster 1.13 says that the process of a run executes every step of it
(`dagster/_core/executor/in_process.py`); a run has no other mark of its executor."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one run does for one load.

    Attributes:
        steps: keys of the steps that do it.
        loads: whether rows are sent; otherwise it only asks checks, or audits.
    """

    load: PlacedLoad
    steps: frozenset[str]
    loads: bool

    @property
    def spec(self) -> LoadSpec:
        """The spec of the load."""
        return self.load.spec


@dataclass(frozen=True, slots=True)
class Content:
    """What a run does for each of our specs, and whether it does anything else."""

    parts: Sequence[Part]
    has_foreign_part: bool

    @property
    def steps(self) -> frozenset[str]:
        """The keys of all steps that are ours."""
        return frozenset[str]().union(*(part.steps for part in self.parts))


@dataclass(frozen=True, slots=True)
class _Planned:
    """An asset, or a check of an asset, that a step of a run makes."""

    asset: str
    check: str
    step: str


class OurRuns:
    """Looks into the runs of one Dagster instance for assets and checks of some loads."""

    def __init__(self, instance: dg.DagsterInstance, loads: Sequence[PlacedLoad]) -> None:
        self._instance = instance
        self._loads = {key: one for one in loads for key in _assets_of(one)}

    def content(self, run: dg.DagsterRun) -> Content | None:
        """Return what a run does for our specs, None if it does nothing for them."""
        selected = list(_selected(run))
        if selected and not any(one.asset in self._loads for one in selected):
            return None
        planned = list(self._planned(run.run_id)) or selected
        ours = [one for one in planned if self._is_ours(one)]
        if not ours:
            return None
        by_load: dict[str, list[_Planned]] = {}
        for key, load in self._loads.items():
            mine = [one for one in ours if one.asset == key]
            by_load.setdefault(load.asset_key.to_user_string(), []).extend(mine)
        parts = [_part(self._loads[key], mine) for key, mine in by_load.items() if mine]
        return Content(parts, has_foreign_part=len(ours) < len(planned))

    def among(self, records: Sequence[dg.RunRecord]) -> Mapping[str, Content]:
        """Return what the runs that do something for our specs do for them, by run id."""
        contents = ((one.dagster_run.run_id, self.content(one.dagster_run)) for one in records)
        return {run_id: content for run_id, content in contents if content is not None}

    def _is_ours(self, planned: _Planned) -> bool:
        """Tell ours from others, who may have checks of their own on our assets."""
        if planned.asset not in self._loads:
            return False
        spec = self._loads[planned.asset].spec
        return not planned.check or planned.check in check_descriptions(spec)

    def _planned(self, run_id: str) -> Iterator[_Planned]:
        for event in events_of(self._instance, run_id, PLANNED):
            step = event.step_key or ""
            if event.is_asset_materialization_planned and event.asset_key is not None:
                yield _Planned(event.asset_key.to_user_string(), "", step)
            else:
                check = event.asset_check_planned_data.asset_check_key
                yield _Planned(check.asset_key.to_user_string(), check.name, step)


def events_of(
    instance: dg.DagsterInstance,
    run_id: str,
    kinds: dg.DagsterEventType | set[dg.DagsterEventType],
) -> list[dg.DagsterEvent]:
    """Return the events of some kinds in the log of a run, the oldest first."""
    records = instance.get_records_for_run(run_id, of_type=kinds).records
    entries = (record.event_log_entry.dagster_event for record in records)
    return [event for event in entries if event is not None]


def executes_its_own_steps(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell whether the process of a run executes every step of it, as Dagster's log says."""
    engine = events_of(instance, run_id, dg.DagsterEventType.ENGINE_EVENT)
    return any((event.message or "").startswith(IN_PROCESS) for event in engine)


def _assets_of(load: PlacedLoad) -> tuple[str, str]:
    """Return the assets that are made of a load."""
    return load.asset_key.to_user_string(), load.audit_key.to_user_string()


def _part(load: PlacedLoad, planned: Sequence[_Planned]) -> Part:
    key = load.asset_key.to_user_string()
    loads = any(one.asset == key and not one.check for one in planned)
    return Part(load, frozenset(one.step for one in planned), loads)


def _selected(run: dg.DagsterRun) -> Iterator[_Planned]:
    """Return what a run was launched on; nothing for a whole job, which says it itself."""
    for key in run.asset_selection or ():
        yield _Planned(key.to_user_string(), "", key.to_python_identifier())
    for check in run.asset_check_selection or ():
        key = check.asset_key
        yield _Planned(key.to_user_string(), check.name, key.to_python_identifier())
