"""How far a partition is, in the Dagster UI: few numbers while it loads, a picture afterwards."""

import base64
import re
import threading
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import dagster as dg
import pytest

from dc_assets.core.load_state import LoadState, PartitionState, RowCounts
from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.progress import observed
from dc_assets.pages.lanes_picture import lanes_picture
from dc_assets.views.progress import JobBar, Snapshot
from dc_assets_tests.acceptance.stage import Stage, wait_until
from dc_assets_tests.orchestration.test_checks import own_settings, salesforce_of, settings

PICTURE_BYTES_MAX = 27_000
"""As text; some jobs of `many_jobs` have to be drawn as one to stay below."""

LEGEND = ["first attempt", "second", "later"]
SVG = "{http://www.w3.org/2000/svg}"
KEY = "r1-01"


class ScriptedLoad:
    """A ledger and a clock: each look takes two seconds and returns the next answer of a script."""

    def __init__(self, *answers: Snapshot | Exception) -> None:
        self.is_over = threading.Event()
        self._answers = answers
        self._looks = 0

    def look(self) -> Snapshot:
        """Return the next answer, or raise it; the last one stays."""
        answer = self._answers[min(self._looks, len(self._answers) - 1)]
        self._looks += 1
        if self._looks > len(self._answers):
            self.is_over.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def now_s(self) -> float:
        """Return the seconds of all looks so far; the script ends the time, too."""
        return 2.0 * min(self._looks, len(self._answers))

    def sleep(self, wait_s: float) -> None:
        """Nobody waits here."""
        raise AssertionError(wait_s)

    def wall_s(self, wait_s: float) -> float:
        """Return how long the wall waits: as good as not at all."""
        return wait_s / 10_000


def snapshot(done: int, *, selected: int | None = 1_000) -> Snapshot:
    """Return a load whose first partition is so far."""
    rows = RowCounts(selected=selected, landed=done, locked=7)
    partition = PartitionState(KEY, "load", "full", "sending", rows, is_held=True)
    load = LoadState(*("load", "things", "00D", "full", "open", 0.0), partitions={KEY: partition})
    return Snapshot(load, rows=2_000, lately_s=10.0, done_lately={KEY: done})


@contextmanager
def instance_on_disk(folder: Path) -> Generator[dg.DagsterInstance]:
    """A Dagster that several threads may write to, as the one of operators."""
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield instance


def observations(instance: dg.DagsterInstance, name: str) -> list[Mapping[str, Any]]:
    """Return the metadata of the observations of the partition, the earliest first."""
    found = instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(name), asset_partitions=[KEY]),
        limit=500,
        ascending=True,
    )
    seen = (record.event_log_entry.asset_observation for record in found.records)
    return [{k: v.value for k, v in one.metadata.items()} for one in seen if one is not None]


def watched(load: ScriptedLoad, folder: Path) -> tuple[bool, list[Mapping[str, Any]]]:
    """Run an asset that does nothing until the script of its load is over."""

    @dg.asset(name="watched", partitions_def=dg.StaticPartitionsDefinition([KEY]))
    def asset(context: dg.AssetExecutionContext) -> None:
        with observed(context, load.look, load):
            assert load.is_over.wait(30)

    with instance_on_disk(folder) as instance:
        result = dg.materialize([asset], partition_key=KEY, instance=instance, raise_on_error=False)
        return result.success, observations(instance, "watched")


def test_observations_are_five_seconds_and_a_fifth_apart(tmp_path: Path) -> None:
    """A hundred seconds with two percent in each look: one in twenty seconds, numbers only."""
    looks = [replace(snapshot(20 * n), api_calls_left=93_114) for n in range(1, 51)]
    success, seen = watched(ScriptedLoad(*looks), tmp_path)
    assert success
    assert [one["percent"] for one in seen] == [20.0 * n for n in range(1, 6)]
    assert seen[0] == {
        "rows done": 200,
        "percent": 20.0,
        "rows per second": 20.0,
        "pending": 800,
        "refused": 0,
        "locked rows": 7,
        "jobs in flight": 0,
        "seconds left": 40,
        "seconds left of the load": 90,
        "API calls left": 93_114,
    }


def test_where_little_happens_there_is_one_in_two_minutes(tmp_path: Path) -> None:
    """While rows are read, too; what is not known is left out."""
    success, seen = watched(ScriptedLoad(*[snapshot(0, selected=None)] * 200), tmp_path)
    assert success
    assert [set(one) & {"seconds left", "API calls left"} for one in seen] == [set()] * 3


def test_no_error_of_a_look_reaches_the_load(tmp_path: Path) -> None:
    """A ledger that does not answer once is asked again."""
    script = [OSError("the ledger is away")] * 3, [snapshot(500)] * 3
    success, seen = watched(ScriptedLoad(*script[0], *script[1]), tmp_path)
    assert success
    assert [one["percent"] for one in seen] == [50.0]


def svg_of(markdown: str) -> Element:
    """Return the picture that stands in Markdown."""
    head, _, text = markdown.removesuffix(")").partition("(data:image/svg+xml;base64,")
    assert head.startswith("![jobs")
    return ET.fromstring(base64.b64decode(text, validate=True))  # noqa: S314 - our own


def many_jobs() -> Iterator[JobBar]:
    """Yield thousands of jobs of every attempt, in no order."""
    chance = Random(0)  # noqa: S311 - no secret
    for number in range(8_000):
        began_at = 1e9 + number / 2 + chance.random()
        yield JobBar(
            chance.randrange(120), chance.choice((1, 1, 1, 2, 3)), 9, began_at, began_at + 20
        )


@pytest.mark.parametrize("jobs", [[JobBar(3, 1, 9, 1e9, 1e9)], list(many_jobs())], ids=len)
def test_the_picture_is_small(jobs: list[JobBar]) -> None:
    """One job or thousands: every event of Dagster's history keeps its picture."""
    picture = lanes_picture([*jobs, JobBar(0, 1, 9, 1e9)])
    assert picture is not None
    assert len(picture) < PICTURE_BYTES_MAX
    assert svg_of(picture).attrib["viewBox"] == "0 0 560 240"


def test_each_attempt_has_its_colour_and_each_lane_its_height() -> None:
    """A lane is higher than the one before it; the legend is there once rows were sent again."""

    def strokes(*jobs: JobBar) -> tuple[list[str], list[float]]:
        root = svg_of(lanes_picture(jobs) or "")
        words = [text.text or "" for text in root.iter(f"{SVG}text")]
        bars = [p.attrib["d"] for p in root.iter(f"{SVG}path") if p.get("stroke-linecap") == "butt"]
        heights = [float(one) for path in bars for one in re.findall(r"M\S+ (\S+)", path)]
        return [word for word in words if word in LEGEND], heights

    legend, heights = strokes(JobBar(0, 1, 9, 1e9, 1e9 + 5), JobBar(7, 1, 9, 1e9, 1e9 + 9))
    lower, higher = heights
    assert (legend, higher < lower) == ([], True)
    legend, heights = strokes(*(JobBar(1, n, 9, 1e9 + n, 1e9 + n + 1) for n in (1, 2, 3, 4)))
    assert (legend, len(heights), len(set(heights))) == (LEGEND, 4, 1)


def test_without_an_ended_job_there_is_no_picture() -> None:
    """A partition without rows opens none."""
    assert lanes_picture([JobBar(0, 1, 9, 1e9)]) is None


@pytest.mark.acceptance
def test_a_run_that_is_at_work_shows_its_numbers_and_then_its_picture(
    stage: Stage, tmp_path: Path
) -> None:
    """Observations come while the run is STARTED; time is scaled, so a minute is not waited for."""
    spec = read_spec(stage.folder / "loads" / "opportunities.yaml")

    def materialized(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [load_asset(PlacedLoad(spec))],
            partition_key=KEY,
            resources={"salesforce": salesforce_of(stage)},
            instance=instance,
        )

    with (
        settings({**own_settings(stage), "DC_ASSETS_TIME_SCALE": "100"}),
        instance_on_disk(tmp_path) as instance,
        ThreadPoolExecutor(1) as pool,
    ):
        stage.org.tell("hold", kind="results", when="before")
        running = pool.submit(materialized, instance)
        try:
            wait_until(
                lambda: running.done() or observations(instance, spec.asset_name),
                "it tells how far it is",
                within_s=30,
            )
            (run,) = instance.get_runs()
        finally:
            stage.org.tell("release")
        result = running.result()
    assert run.status == dg.DagsterRunStatus.STARTED
    (materialization,) = result.asset_materializations_for_node(spec.asset_name)
    metadata = {k: v.value for k, v in materialization.metadata.items()}
    numbers = ("selected", "landed", "pending", "locked rows", "rows sent again")
    assert [metadata[name] for name in numbers] == [30, 30, 0, 0, 0]
    assert metadata["dagster/row_count"] == 30
    assert metadata["dagster/uri"] == f"{stage.org.ready['base_url']}/lightning/o/Opportunity/list"
    assert len(svg_of(str(metadata["jobs by lane"])))
