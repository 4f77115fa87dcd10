"""Everything that a report says of one load, from the ledger alone: for people and machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pydantic import ValidationError

from dc_assets.core.load_state import LoadState
from dc_assets.core.source_costs import SourceCosts, source_costs
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import rewritten_in
from dc_assets.ledger.database import Database
from dc_assets.ledger.forecasts import Forecasts, KeptForecast, Span
from dc_assets.pages.report_proof import (
    CheckFinding,
    Distribution,
    LoadProof,
    LoadVerdict,
    PartitionProof,
    Totals,
    verdict_of_load,
)
from dc_assets.pages.report_sending import (
    AttemptLine,
    DayLine,
    LanesFacts,
    Sending,
    attempts_of,
    days_of,
    lanes_of,
    sending_of,
)
from dc_assets.views.dead_letters import RefusedCode, refused_rows
from dc_assets.views.load_history import AllowanceSeen, LoadHistory, PastLoad, SentJob
from dc_assets.views.load_states import LoadStates
from dc_assets.wiring.connect import versions
from dc_assets.wiring.settings import DEFAULT, PREFIX, read_settings, setting_lines

PAST_LOADS = 20

HARMLESS = frozenset(
    {
        *("DC_ASSETS_DATA", "DC_ASSETS_LOADS", "DC_ASSETS_LEASE_S", "DC_ASSETS_HEARTBEAT_S"),
        "DC_ASSETS_TIME_SCALE",
    }
)
"""Settings whose values are shown; of any other one a report says only that it is set."""


@dataclass(frozen=True, slots=True)
class PastLine:
    """One load of the spec in this org; ratios are None where they mean nothing.

    Attributes:
        seconds: None for a load that did not end.
        success_pct: rows that landed, of those that have an outcome.
    """

    load: PastLoad
    seconds: float | None
    calls_per_1000_rows: float | None
    success_pct: float | None


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """One figure of a forecast beside what it was; None where that is not known.

    Attributes:
        unit: seconds or a number.
        ratio: was / told.
        is_inside: whether it was inside of the range that was told, where one was.
    """

    what: str
    unit: str
    low: float | None
    told: float
    high: float | None
    was: float | None
    ratio: float | None
    is_inside: bool | None


@dataclass(frozen=True, slots=True)
class ForecastFacts:
    """A forecast against the facts; without one, why there is none."""

    made_at: float | None
    verdict: str
    basis: str
    is_measured: bool
    lines: Sequence[ForecastLine]
    none_because: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls and jobs, and what limits them.

    Attributes:
        api_calls: of this load; None where nobody counted them.
        jobs_of_org_day: jobs of all our loads in the org, in the 24 hours before its end or now.
        limits: those that the spec sets, by name.
        source: rows that Data Cloud processes for the rows of a full load; None for other loads.
    """

    api_calls: int | None
    calls_by_hour: Mapping[int, int]
    days: Sequence[DayLine]
    jobs_of_org_day: int
    allowance: AllowanceSeen | None
    limits: Mapping[str, int | str]
    source: SourceCosts | None


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """One load, told whole.

    Attributes:
        jobs: for the plots only.
        rewritten: values of the source that the canonical form changes, by field and way.
        refused_before: rows refused before any job was sent, such as ids that stand twice.
        settings: of the environment in which the report was made; None for a value not shown.
        versions_now: of the programs that made the report.
    """

    load: LoadState
    verdict: LoadVerdict
    totals: Totals
    seconds: float | None
    partitions: Sequence[PartitionProof]
    findings: Sequence[CheckFinding]
    distributions: Sequence[Distribution]
    rewritten: Mapping[str, int]
    sending: Sending | None
    jobs: Sequence[SentJob]
    attempts: Sequence[AttemptLine]
    refused_before: int
    refusals: Sequence[RefusedCode]
    lanes: LanesFacts | None
    budget: Budget
    past: Sequence[PastLine]
    forecast: ForecastFacts
    settings: Mapping[str, str | None]
    versions_now: Mapping[str, str]


def gathered(database: Database, named: LoadState) -> ReportFacts:
    """Ask the ledger for everything that a report says of a load."""
    history = LoadHistory(database)
    load = LoadStates(database, named.spec_name, named.org_id).of_load(named.load_id) or named
    spec = _spec_of(load)
    proof = LoadProof(load, spec)
    jobs = history.jobs(load.load_id)
    totals, sending = proof.totals(), sending_of(jobs, load.seen_at)
    calls = history.api_calls(load.load_id)
    end = load.finished_at or load.seen_at
    forecasts = Forecasts(database, load.spec_name, load.org_id)
    return ReportFacts(
        load=load,
        verdict=verdict_of_load(proof),
        totals=totals,
        seconds=max(0.0, end - load.opened_at) if load.finished_at or load.is_running else None,
        partitions=proof.lines,
        findings=proof.findings(),
        distributions=proof.distributions(),
        rewritten=rewritten_in(one.outcome for one in proof.last.values()),
        sending=sending,
        jobs=jobs,
        attempts=attempts_of(jobs),
        refused_before=totals.refused - sum(job.refused for job in jobs),
        refusals=refused_rows(database, load.load_id),
        lanes=lanes_of(history.lanes(load.load_id), jobs),
        budget=Budget(
            api_calls=sum(calls.values()) if calls else None,
            calls_by_hour=calls,
            days=days_of(jobs, calls),
            jobs_of_org_day=history.jobs_of_a_day(load.org_id, end),
            allowance=history.allowance(load.org_id),
            limits={} if spec is None else _limits(spec),
            source=None
            if spec is None or load.mode != "full"
            else source_costs(spec, totals.selected),
        ),
        past=[_past_line(one) for one in history.past(load, PAST_LOADS)],
        forecast=_forecast(forecasts.of_load(load.load_id), load, totals, sending, calls),
        settings=_settings(),
        versions_now=versions(),
    )


def for_machines(facts: ReportFacts) -> dict[str, object]:
    """Return the facts as `docs/reports.md` explains them; the single jobs stay out."""
    said = asdict(facts)
    del said["jobs"]
    for name in ("spec_json", "partitions"):
        said["load"].pop(name)
    said["partitions"] = [one.for_machines() for one in facts.partitions]
    said["spec"] = _spec_json(facts.load)
    return said


def _settings() -> Mapping[str, str | None]:
    """Return the product's settings that are set, with the values of the harmless ones."""
    return {
        line.name: line.value if line.name in HARMLESS else None
        for line in sorted(setting_lines(read_settings()), key=lambda line: line.name)
        if line.name.startswith(PREFIX) and line.origin != DEFAULT
    }


def _spec_of(load: LoadState) -> LoadSpec | None:
    """Return the spec as it was, if it was kept and if this program still understands it."""
    try:
        return None if load.spec_json is None else LoadSpec.model_validate_json(load.spec_json)
    except ValidationError:
        return None


def _spec_json(load: LoadState) -> object:
    return None if load.spec_json is None else json.loads(load.spec_json)


def _limits(spec: LoadSpec) -> Mapping[str, int | str]:
    """Return the limits that bear on a day: those that are reserved, and those that are set."""
    of_a_day = ("api_calls_reserve", "daily_batches_reserve", "rows_a_day_max")
    of_a_day += ("api_calls_a_day_max", "batches_a_day_max", "hours")
    limits = spec.limits.model_dump(include=set(of_a_day))
    return {name: limits[name] for name in of_a_day if limits[name] is not None}


def _past_line(load: PastLoad) -> PastLine:
    ended = load.landed + load.refused
    return PastLine(
        load=load,
        seconds=None if load.finished_at is None else max(0.0, load.finished_at - load.opened_at),
        calls_per_1000_rows=1_000 * load.api_calls / load.landed
        if load.api_calls and load.landed
        else None,
        success_pct=100 * load.landed / ended if ended else None,
    )


def _forecast(
    kept: KeptForecast | None,
    load: LoadState,
    totals: Totals,
    sending: Sending | None,
    calls: Mapping[int, int],
) -> ForecastFacts:
    none_because = ""
    if load.mode != "full":
        none_because = "A plan is of a full load; this one sent only some rows."
    elif kept is None:
        none_because = "No plan was made before this load: dc-assets plan makes one."
    if kept is None or none_because:
        return ForecastFacts(None, "", "", is_measured=False, lines=(), none_because=none_because)
    told = kept.told
    lines = [_line("rows", told.rows, None, totals.selected)]
    if told.seconds is not None:
        was = None if sending is None else sending.seconds
        lines.append(_line("duration", told.seconds.expected, told.seconds, was, unit="seconds"))
    lines.append(_line("jobs", told.jobs, None, sending.jobs if sending else None))
    if told.requests is not None:
        asked = sum(calls.values()) if calls else None
        lines.append(_line("API calls", told.requests.expected, told.requests, asked))
    return ForecastFacts(kept.made_at, told.verdict, told.basis, told.is_measured, lines, "")


def _line(
    what: str, told: float, ends: Span | None, was: float | None, *, unit: str = ""
) -> ForecastLine:
    if ends is not None and ends.low == ends.high:
        ends = None  # no range was told
    return ForecastLine(
        what=what,
        unit=unit,
        low=ends and ends.low,
        told=told,
        high=ends and ends.high,
        was=was,
        ratio=was / told if was is not None and told else None,
        is_inside=None if ends is None or was is None else ends.low <= was <= ends.high,
    )
